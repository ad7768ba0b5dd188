//! A plan over a link of 1 Gbit/s and 20 ms, against curl.

use std::time::Duration;

use numctl::provider::Api;

use super::fleet;
use super::measure::{curl, in_sync, median, numctl};
use super::server::{Link, Server};

pub(crate) fn run(sizes: &[usize]) {
    println!(
        "\nlink: the same over 1 Gbit/s and 20 ms a request\n\n\
         | API | numbers | curl s | numctl s | of curl | CPU s |\n| --- | --- | --- | --- | --- | --- |"
    );
    for api in [Api::ActiveNumbers, Api::IncomingPhoneNumbers] {
        for &size in sizes {
            let link = Link { rate: Some(125e6), latency: Duration::from_millis(20) };
            let servers = [Server::of(api, 0, size, link)];
            let folder = fleet::declare(1, size);
            let floor = median(3, || curl(api, &servers[0], 0, size));
            let ours = median(3, || in_sync(&numctl(api, &servers, &folder), size));
            println!(
                "| {} | {size} | {:.3} | {:.3} | {:.3} | {:.2} |",
                api.name(),
                floor.wall.as_secs_f64(),
                ours.wall.as_secs_f64(),
                ours.wall.as_secs_f64() / floor.wall.as_secs_f64(),
                ours.cpu.as_secs_f64(),
            );
        }
    }
}
