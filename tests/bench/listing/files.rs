//! What the files cost alone: many, one big one, and one in JSON.

use std::process::Command;

use super::binary::binary;
use super::fleet::{self, Shape};
use super::measure::{Cost, measured, median};

const SHAPES: [Shape; 3] = [Shape::Yaml { files: 8 }, Shape::Yaml { files: 1 }, Shape::Json];

pub(crate) fn run(sizes: &[usize]) {
    println!(
        "\nfiles: `numctl validate` of numbers that say nothing but their digits, the median of three\n\n\
         | files | numbers | MB | s | CPU s | peak MiB | bytes of memory a byte of file |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    );
    for &size in sizes {
        for shape in SHAPES {
            let (bytes, cost) = of(shape, size);
            println!(
                "| {} | {size} | {:.0} | {:.3} | {:.2} | {:.0} | {:.1} |",
                shape.name(),
                bytes as f64 / 1e6,
                cost.wall.as_secs_f64(),
                cost.cpu.as_secs_f64(),
                cost.peak_mib(),
                cost.peak as f64 / bytes as f64,
            );
        }
    }
}

/// The bytes of the files, and what it costs to validate them.
pub(crate) fn of(shape: Shape, size: usize) -> (usize, Cost) {
    let (folder, bytes) = fleet::declare_plain(shape, size);
    let mut command = Command::new(binary());
    command.arg("validate").arg("-f").arg(&folder);
    let cost = median(3, || {
        let (cost, said) = measured(&command, None);
        assert!(said.replace(',', "").contains(&format!("Valid: {size} numbers")), "{said}");
        cost
    });
    (bytes, cost)
}
