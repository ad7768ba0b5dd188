//! The bodies of the fuzz targets over their kept corpora: what a fuzzer has once made up is tried
//! at every `cargo test`. How to run the fuzzers themselves: `tests/fuzz/README.md`.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use std::path::Path;

/// The block of a tar archive, in which every header and every file begins anew.
const BLOCK: usize = 512;

/// The files of a tar archive (ustar), as `tests/fuzz/corpus.sh` packs them.
fn files(archive: &[u8]) -> Vec<(String, &[u8])> {
    let text = |field: &[u8]| String::from_utf8_lossy(field).trim_matches(['\0', ' ']).to_owned();
    let mut files = Vec::new();
    let mut rest = archive;
    while rest.len() >= BLOCK && rest[0] != 0 {
        let (header, after) = rest.split_at(BLOCK);
        let size = usize::from_str_radix(&text(&header[124..136]), 8).expect("a size in octal");
        files.push((text(&header[..100]), &after[..size]));
        rest = &after[size.next_multiple_of(BLOCK)..];
    }
    files
}

#[test]
fn the_kept_corpora_hold() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, body) in bodies::ALL {
        let path = corpora.join(format!("{name}.tar"));
        let archive = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let inputs = files(&archive);
        assert!(inputs.len() >= 5, "{name}: {} inputs", inputs.len());
        for (input, data) in inputs {
            let held = std::panic::catch_unwind(|| body(data));
            assert!(held.is_ok(), "{name} does not hold for {input} of {}", path.display());
        }
    }
}
