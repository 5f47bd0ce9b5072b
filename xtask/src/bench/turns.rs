//! Programs measured in turn, round after round, so that what disturbs one disturbs all; knows nothing of what they
//! measure.

use std::process::Command;

use anyhow::Result;

use super::peers::warn_without;
use crate::interrupt;

/// What was measured: of us, and of each peer that never failed.
type InTurn<P, O, T> = (Vec<O>, Vec<(P, T)>);

/// Measures us and every peer once a round. A peer that fails is left out from then on.
///
/// # Errors
/// If we fail, or on Ctrl-C.
pub(super) fn in_turn<P: Copy + PartialEq, O, T>(
    rounds: usize,
    mut peers: Vec<(P, Command)>,
    name: fn(P) -> &'static str,
    mut us: impl FnMut() -> Result<O>,
    mut peer: impl FnMut(P, &mut Command) -> Result<T>,
) -> Result<InTurn<P, O, T>> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let announce = |name: &str| tracing::info!("round {round} of {rounds}: {name}");
        announce("ours");
        ours.push(us()?);
        let mut lost = Vec::new();
        for (of, command) in &mut peers {
            announce(name(*of));
            match peer(*of, command) {
                Ok(measured) => theirs.push((*of, measured)),
                Err(error) => {
                    interrupt::check()?;
                    warn_without(name(*of), &error);
                    lost.push(*of);
                }
            }
        }
        peers.retain(|(of, _)| !lost.contains(of));
        theirs.retain(|(of, _)| !lost.contains(of));
    }
    Ok((ours, theirs))
}

/// The runs of one peer.
pub(super) fn of<P: Copy + PartialEq, T: Clone>(peer: P, theirs: &[(P, T)]) -> Vec<T> {
    theirs.iter().filter(|(of, _)| *of == peer).map(|(_, run)| run.clone()).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_peer_that_fails_is_left_out_from_then_on() {
        let peers = ["good", "bad"].map(|name| (name, Command::new(name)));
        let (mut round, mut asked) = (0, Vec::new());
        let (ours, theirs) = in_turn(
            3,
            peers.into(),
            |name| name,
            || {
                round += 1;
                Ok(round)
            },
            |name, _| {
                asked.push(name);
                if name == "bad" && asked.len() > 2 { bail!("no more") } else { Ok(7) }
            },
        )
        .unwrap();
        assert_eq!(ours, [1, 2, 3]);
        assert_eq!(theirs, [("good", 7); 3]);
        assert_eq!((of("good", &theirs), of("bad", &theirs)), (vec![7; 3], vec![]));
        assert_eq!(asked, ["good", "bad", "good", "bad", "good"]);
        let failed = in_turn(
            1,
            Vec::new(),
            |name: &'static str| name,
            || -> Result<()> { bail!("we fail") },
            |_, _| Ok(0),
        );
        assert!(failed.is_err());
    }
}
