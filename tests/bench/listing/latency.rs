//! Accounts side by side where each answer takes its time.

use std::time::Duration;

use numctl::model::provider::Api;

use super::fleet;
use super::measure::{in_sync, median, numctl};
use super::pages;
use super::server::{Link, Server};

/// Numbers of each account.
const NUMBERS: usize = 10_000;

pub(crate) fn run() {
    println!(
        "\nlatency: accounts of {NUMBERS} numbers each, ten pages, one after the other by their links\n\n\
         | API | a request takes | accounts | numctl s | of the requests of one account | CPU s |\n\
         | --- | --- | --- | --- | --- | --- |"
    );
    for api in [Api::ActiveNumbers, Api::IncomingPhoneNumbers] {
        for latency in [50, 200].map(Duration::from_millis) {
            for accounts in [1, 10] {
                let link = Link { rate: None, latency };
                let servers: Vec<Server> =
                    (0..accounts).map(|account| Server::of(api, account, NUMBERS, link)).collect();
                let folder = fleet::declare(accounts, NUMBERS);
                let numbers = accounts * NUMBERS;
                let ours = median(3, || in_sync(&numctl(api, &servers, &folder), numbers));
                let floor = latency * NUMBERS.div_ceil(pages::PAGE) as u32;
                println!(
                    "| {} | {latency:?} | {accounts} | {:.3} | {:.2} | {:.2} |",
                    api.name(),
                    ours.wall.as_secs_f64(),
                    ours.wall.as_secs_f64() / floor.as_secs_f64(),
                    ours.cpu.as_secs_f64(),
                );
            }
        }
    }
}
