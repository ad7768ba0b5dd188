//! The arguments of calling webhooks before they are used.

use std::net::IpAddr;

use clap::Args;
use ipnet::IpNet;

use super::{FileArgs, TextOrJson};

/// For commands that may call webhooks before numbers point at them.
#[derive(Debug, Args)]
pub(in crate::cli) struct WebhookArgs {
    /// Call webhooks before numbers point at them
    #[arg(long)]
    pub(in crate::cli) preflight: bool,
    /// Call webhooks in this private network too
    #[arg(long, value_name = "CIDR", requires = "preflight", value_delimiter = ',', value_parser = network)]
    pub(in crate::cli) preflight_allow: Vec<IpNet>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  numctl preflight -f fleet.yaml\n\n\
                  Each webhook gets one request, signed as Twilio signs and marked with X-Numctl-Preflight: 1, for a call\n\
                  or a message whose SID is all zeros. Only public addresses are called.")]
pub(in crate::cli) struct PreflightArgs {
    #[command(flatten)]
    pub(in crate::cli) files: FileArgs,
    /// Call webhooks at these private addresses too, such as 10.0.0.0/8; may repeat
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub(in crate::cli) preflight_allow: Vec<IpNet>,
    /// How the result is written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(in crate::cli) format: TextOrJson,
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse::<IpNet>().map(|network| network.trunc());
    network
        .or(address)
        .map_err(|_| "a network is ADDRESS/BITS or an address, such as 10.0.0.0/8 or ::1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_cidrs_and_addresses() {
        for (text, network_text) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(network(text).map(|network| network.to_string()).as_deref(), Ok(network_text));
        }
        for refused in ["", "10.0.0.0/33", "localhost", "10.0.0", "*"] {
            assert!(network(refused).is_err(), "{refused}");
        }
    }
}
