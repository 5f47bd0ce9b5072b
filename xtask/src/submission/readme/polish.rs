//! The page in Polish.

use std::fmt::Write;

use super::Page;
use crate::submission::origin::State;

/// The whole page, as Markdown.
pub(super) fn text(page: &Page<'_>) -> String {
    let (data, results) = (&page.run.data, &page.run.results);
    let mut text = format!(
        "# Sieć konwolucyjna na zbiorze {}\n\n\
         Dokładność na zbiorze testowym: **{}**, strata: {}; obrazów testowych: {}, {}.\n\n\
         ## Czego wymaga zadanie\n\n",
        data.description,
        percent(results.test_accuracy),
        number(results.test_loss, 4),
        data.test,
        match page.run.config.validation.as_str() {
            "test" =>
                "tych samych, na których po każdej epoce odbywała się walidacja (jak w tutorialu), więc nie jest to ocena \
                 na obrazach niewidzianych",
            _ => "użytych jeden raz, po zakończeniu uczenia",
        }
    );
    text += &program(page);
    text += &format!(
        "### 2. Suma md5 pliku modelu\n\n    {}  model.safetensors\n\n\
         Sprawdzenie: `cd run && md5sum -c model.safetensors.md5`. Na CPU ten sam program, te same ustawienia, ziarno i \
         obrazy dają dokładnie ten sam plik na każdym komputerze.\n\n",
        results.model_md5
    );
    text += &histograms(page);
    text += &accuracy(page);
    text += &diagnosis(page);
    text += &training(page);
    text += &archive(page);
    text
}

fn program(page: &Page<'_>) -> String {
    let program = &page.origin.program;
    let revision = program.revision.as_deref().unwrap_or("?");
    let state = match program.state {
        State::Committed => format!("Jest to rewizja git `{revision}`."),
        State::Changed => {
            format!("Jest to rewizja git `{revision}` ze zmianami zapisanymi w `program.diff`.")
        }
        State::Unknown => "Spakowano go poza repozytorium git.".to_owned(),
    };
    format!(
        "### 1. Program\n\nCały program w języku Rust, wraz z `Cargo.lock`, jest w katalogu `program/`. {state} Narzędzia na \
         komputerze, na którym go spakowano: {} i {} ({}). Uczenie uruchomiono poleceniem\n\n    {}\n\n",
        program.rustc,
        program.cargo,
        program.host,
        page.command()
    )
}

fn histograms(page: &Page<'_>) -> String {
    let mut text = "### 3. Jak zmieniały się histogramy wag każdej warstwy\n\n\
                    | wagi | liczba | po pierwszej epoce | odchylenie | po ostatniej epoce | odchylenie |\n\
                    | --- | ---: | --- | ---: | --- | ---: |\n"
        .to_owned();
    for layer in &page.layers {
        let [first, last] = layer.ends;
        let _ = writeln!(
            text,
            "| {} | {} | od {} do {} | {} | od {} do {} | {} |",
            layer.name,
            layer.values,
            number(first.smallest, 3),
            number(first.largest, 3),
            number(first.deviation, 4),
            number(last.smallest, 3),
            number(last.largest, 3),
            number(last.deviation, 4)
        );
    }
    text += "\nOdchylenie to odchylenie standardowe. Na rysunkach pierwsza epoka jest z tyłu, a ostatnia z przodu.\n\n";
    for layer in page.pictured_layers() {
        let Some(chosen) = page.chosen(&format!("histograms-{layer}")) else { continue };
        let _ = write!(
            text,
            "#### {layer}\n\n![Histogramy wag warstwy {layer} w kolejnych epokach]({chosen})\n\n"
        );
        let [taken, own] = page.more_of(layer);
        let _ = match taken.as_str() {
            "" => write!(text, "Więcej, własne: {own}\n\n"),
            taken => write!(text, "Więcej, z TensorBoard: {taken}; własne: {own}\n\n"),
        };
    }
    text
}

fn accuracy(page: &Page<'_>) -> String {
    let mut text = "### 4. Dokładność w kolejnych epokach\n\n".to_owned();
    if let Some(chosen) = page.chosen("accuracy") {
        let _ = write!(text, "![Dokładność w kolejnych epokach]({chosen})\n\n");
    }
    if let (Some(best), Some(last)) = (page.run.best_epoch(), page.last_epoch()) {
        let _ = write!(
            text,
            "Najlepsza dokładność walidacyjna: {} w epoce {} z {}; dokładność na zbiorze uczącym wynosiła wtedy {}. W \
             ostatniej epoce dokładność walidacyjna wyniosła {}, a na zbiorze uczącym {}.\n\n",
            percent(best.val_accuracy.into()),
            best.number,
            page.run.history.len(),
            percent(best.accuracy.into()),
            percent(last.val_accuracy.into()),
            percent(last.accuracy.into()),
        );
    }
    text + "Pozostałe rysunki: " + &page.of_no_layer() + "\n\n"
}

/// The trainer gives its evidence in English; here the figures are those of the history.
fn diagnosis(page: &Page<'_>) -> String {
    let (verdict, advice) = match page.run.results.diagnosis.verdict.as_str() {
        "overfitting" => (
            "Sieć jest przeuczona (overfitting): uczy się obrazów na pamięć.",
            "Pomaga augmentacja danych, dropout, regularyzacja wag albo wcześniejsze zakończenie uczenia.",
        ),
        "underfitting" => (
            "Sieć jest niedouczona (underfitting): nie nauczyła się tego, czego można się nauczyć.",
            "Pomaga dłuższe uczenie, większa sieć albo inna wartość współczynnika uczenia.",
        ),
        "unstable" => ("Uczenie jest niestabilne.", "Pomaga mniejszy współczynnik uczenia."),
        "healthy" => ("Uczenie przebiega prawidłowo: nie widać przeuczenia ani niedouczenia.", ""),
        "too-short" => (
            "Epok jest zbyt mało, żeby odróżnić przeuczenie od niedouczenia.",
            "Potrzebne są co najmniej cztery epoki.",
        ),
        other => (other, ""),
    };
    let mut text = format!("## Przeuczenie czy niedouczenie?\n\n**{verdict}**\n\n");
    if let Some(last) = page.last_epoch() {
        let _ = writeln!(
            text,
            "- w epoce {} dokładność na zbiorze uczącym wynosi {}, a walidacyjna {}",
            last.number,
            percent(last.accuracy.into()),
            percent(last.val_accuracy.into())
        );
    }
    let lowest = page
        .run
        .history
        .iter()
        .reduce(|best, epoch| if epoch.val_loss < best.val_loss { epoch } else { best });
    if let Some(lowest) = lowest {
        let _ = writeln!(
            text,
            "- strata walidacyjna była najniższa w epoce {} ({})",
            lowest.number,
            number(lowest.val_loss.into(), 4)
        );
    }
    if !advice.is_empty() {
        let _ = writeln!(text, "- {advice}");
    }
    text + "\n"
}

fn training(page: &Page<'_>) -> String {
    let (config, data) = (&page.run.config, &page.run.data);
    let [train, validation, test] = page.shares().map(percent);
    format!(
        "## Jak przebiegało uczenie\n\n| | |\n| --- | --- |\n\
         | obrazy | {} |\n\
         | ich odcisk (SHA-256) | `{}` |\n\
         | zbiór uczący, walidacyjny, testowy | {} ({train}), {} ({validation}), {} ({test}) |\n\
         | walidacja | po każdej epoce, {} |\n\
         | augmentacja | {} |\n\
         | sieć | {} |\n\
         | ustawienia | liczba epok: {}, wielkość paczki: {}, {}, współczynnik uczenia: {}, ziarno: {} |\n\
         | wagi w pliku modelu | z epoki {} |\n\
         | czas | {} s ({}) |\n\n",
        data.description,
        data.fingerprint,
        data.train,
        data.validation,
        data.test,
        match config.validation.as_str() {
            "test" => "na zbiorze testowym",
            _ => "na obrazach wydzielonych ze zbioru uczącego",
        },
        if config.augment == "none" { "brak" } else { &config.augment },
        config.model,
        config.epochs,
        config.batch_size,
        config.optimizer,
        config.learning_rate.to_string().replace('.', ","),
        config.seed,
        page.run.results.weights_of_epoch,
        number(page.run.results.seconds, 0),
        config.device,
    )
}

fn archive(page: &Page<'_>) -> String {
    let tensorboard = page.origin.tensorboard.as_ref().map_or_else(String::new, |about| {
        format!(
            "| `pictures/tensorboard/` | zrzuty ekranu z TensorBoard {} w przeglądarce {} |\n",
            about.version, about.browser
        )
    });
    format!(
        "## Co jest w archiwum\n\n| | |\n| --- | --- |\n\
         | `program/` | program |\n\
         | `run/` | uczenie o nazwie {}: `config.toml` (wszystkie ustawienia), `history.csv` (wszystkie epoki), \
         `results.toml` (końcowy test), `model.safetensors` i jego md5, pliki zdarzeń (`tensorboard --logdir run`), \
         `report.html` (wszystko na jednej stronie) |\n\
         | `pictures/` | rysunki utworzone z plików zdarzeń, te same bajty na każdym komputerze |\n{tensorboard}\
         | `submission.toml`, `SHA256SUMS` | pochodzenie archiwum; SHA-256 każdego pliku |\n\n\
         `cargo xtask verify-submission PLIK.zip`, uruchomione w `program/` albo w repozytorium, sprawdza to wszystko; z \
         opcją `--retrain` uczy sieć od nowa i porównuje md5 modelu.\n",
        page.origin.run.name
    )
}

/// With the decimal comma.
fn number(value: f64, digits: usize) -> String {
    format!("{value:.digits$}").replace('.', ",")
}

fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0, 2))
}
