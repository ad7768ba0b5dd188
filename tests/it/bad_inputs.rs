//! Golden files: each bad input in `bad/` (a file, or a directory that is one fleet) and the whole
//! message that it gets. `UPDATE_EXPECT=1` rewrites them; read what it wrote.

use std::path::{Path, PathBuf};

use expect_test::expect_file;
use numctl::desired::{Desired, Findings};

fn verdict(path: &Path) -> Result<(), Findings> {
    let sources = numctl::desired::load::load(&[path.to_owned()])?;
    Desired::parse(&sources).map(|_| ())
}

fn bad_inputs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/bad");
    let mut inputs: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("tests/it/bad")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "expected"))
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn every_bad_input_gets_its_message() {
    let inputs = bad_inputs();
    assert!(inputs.len() >= 80, "{} bad inputs", inputs.len());
    let folder = format!("{}/tests/it/bad/", env!("CARGO_MANIFEST_DIR"));
    for input in inputs {
        let findings = verdict(&input).expect_err(&input.display().to_string());
        let shown = findings.render(false).replace(&folder, "");
        assert!(!shown.contains("hunter2") && !shown.contains("0123456789abcdef"), "{shown}");
        assert!(
            !shown.contains('\u{1b}') && shown.chars().all(|c| c == '\n' || !c.is_control()),
            "{shown:?}"
        );
        assert_eq!(findings.json().as_array().map(Vec::len), Some(findings.iter().count()));
        expect_file![input.with_extension("expected")].assert_eq(&shown);
    }
}
