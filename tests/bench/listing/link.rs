//! A plan over a link of 1 Gbit/s and 20 ms, against curl.

use numctl::model::provider::Api;

use super::plan::Planned;
use super::server::Link;

pub(crate) fn run(sizes: &[usize]) {
    println!(
        "\nlink: the same over 1 Gbit/s and 20 ms a request\n\n\
         | API | numbers | curl s | numctl s | of curl | CPU s |\n| --- | --- | --- | --- | --- | --- |"
    );
    for api in [Api::ActiveNumbers, Api::IncomingPhoneNumbers] {
        for &size in sizes {
            let planned = Planned::of(api, size, Link::GIGABIT, None);
            println!(
                "| {} | {size} | {:.3} | {:.3} | {:.3} | {:.2} |",
                api.name(),
                planned.curl.wall.as_secs_f64(),
                planned.ours.wall.as_secs_f64(),
                planned.of_curl(),
                planned.ours.cpu.as_secs_f64(),
            );
        }
    }
}
