//! The bodies of the fuzz targets over their kept corpora: what a fuzzer has once made up is tried
//! at every `cargo test`. How to run the fuzzers themselves: `tests/fuzz/README.md`.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::path::Path;

#[test]
fn the_kept_corpora_hold() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, body) in bodies::ALL {
        let mut inputs: Vec<_> = std::fs::read_dir(corpora.join(name))
            .unwrap_or_else(|error| panic!("the corpus of {name}: {error}"))
            .map(|entry| entry.expect("an entry").path())
            .collect();
        inputs.sort();
        assert!(inputs.len() >= 5, "{name}: {} inputs", inputs.len());
        for input in inputs {
            let data = std::fs::read(&input).expect("read");
            let held = std::panic::catch_unwind(|| body(&data));
            assert!(held.is_ok(), "{name} does not hold for {}", input.display());
        }
    }
}
