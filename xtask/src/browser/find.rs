//! Where a browser is installed; knows nothing of starting it.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The names under which distributions install browsers that speak the DevTools protocol.
const NAMES: [&str; 8] = [
    "chromium",
    "chromium-headless-shell",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chromium-browser",
    "chrome-headless-shell",
    "msedge",
];

/// Where browsers are on systems that do not put them into `PATH`, under the folders of [`usual_folders`].
const USUAL: [&str; 5] = [
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
];

/// The browser named by `CHROME`, or the first one that is installed.
///
/// # Errors
/// If `CHROME` names one that is not there.
pub(super) fn browser() -> Result<Option<PathBuf>> {
    let path: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    let chosen = env::var_os("CHROME").filter(|name| !name.is_empty());
    search(chosen.as_deref(), &path, &usual_folders(), Path::is_file)
}

/// Where installed programs are on macOS and Windows.
fn usual_folders() -> Vec<PathBuf> {
    let windows = ["ProgramFiles", "ProgramFiles(x86)", "LocalAppData"].into_iter().filter_map(env::var_os);
    let home = env::var_os("HOME").map(|home| Path::new(&home).join("Applications"));
    [PathBuf::from("/Applications")].into_iter().chain(home).chain(windows.map(PathBuf::from)).collect()
}

fn search(
    chosen: Option<&OsStr>,
    path: &[PathBuf],
    usual: &[PathBuf],
    is_file: impl Fn(&Path) -> bool,
) -> Result<Option<PathBuf>> {
    let in_path = |name: &OsStr| {
        let name = if cfg!(windows) { Path::new(name).with_extension("exe") } else { name.into() };
        path.iter().map(|folder| folder.join(&name)).find(|program| is_file(program))
    };
    if let Some(chosen) = chosen {
        let program = Path::new(chosen);
        let found = if is_file(program) { Some(program.to_owned()) } else { in_path(chosen) };
        let Some(found) = found else { bail!("CHROME names {}, which is not there", program.display()) };
        return Ok(Some(found));
    }
    let named = NAMES.iter().find_map(|name| in_path(OsStr::new(name)));
    let usual = || usual.iter().flat_map(|folder| USUAL.iter().map(|place| folder.join(place)));
    Ok(named.or_else(|| usual().find(|program| is_file(program))))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_there() {
        let check = |chosen: Option<&str>, there: &[&str], expected: Option<&str>| {
            let path = ["/usr/bin", "/opt/bin"].map(PathBuf::from);
            let usual = ["/Applications", "/home/a/Applications"].map(PathBuf::from);
            let is_file = |program: &Path| there.iter().any(|file| Path::new(file) == program);
            let found = search(chosen.map(OsStr::new), &path, &usual, is_file).unwrap();
            assert_eq!(found, expected.map(PathBuf::from), "{chosen:?} among {there:?}");
        };
        check(None, &[], None);
        check(None, &["/usr/bin/firefox"], None);
        check(None, &["/opt/bin/chrome"], Some("/opt/bin/chrome"));
        // The name decides before the folder.
        check(None, &["/usr/bin/google-chrome", "/opt/bin/chromium"], Some("/opt/bin/chromium"));
        let mac = "/home/a/Applications/Chromium.app/Contents/MacOS/Chromium";
        check(None, &[mac], Some(mac));
        check(None, &[mac, "/usr/bin/chrome"], Some("/usr/bin/chrome"));
        check(Some("/my/chrome"), &["/usr/bin/chromium", "/my/chrome"], Some("/my/chrome"));
        check(Some("brave"), &["/usr/bin/chromium", "/opt/bin/brave"], Some("/opt/bin/brave"));
    }

    #[test]
    fn a_chosen_browser_that_is_not_there_is_an_error() {
        let error = search(Some(OsStr::new("/my/chrome")), &[], &[], |_| false).unwrap_err();
        assert_eq!(error.to_string(), "CHROME names /my/chrome, which is not there");
    }
}
