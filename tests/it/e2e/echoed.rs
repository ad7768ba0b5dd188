//! Law 11 where the API itself shows a secret: what it echoes of a request is cut out of every output.

use super::fake::{Fake, page};
use super::harness::{Bench, MAIN, Sandbox};

const TOKEN: &str = "c4n4ry+tok/en~feedfacefeedface99";

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("\\u{byte:04x}")).collect()
}

/// The forms in which a server may say it, as they stand in JSON.
fn forms(authorization: &str) -> Vec<String> {
    let in_json = serde_json::to_string(TOKEN).expect("JSON");
    let encoded = authorization.trim_start_matches("Basic ").to_owned();
    vec![
        in_json.trim_matches('"').to_owned(),
        authorization.to_owned(),
        encoded.replace('/', "\\/"),
        encoded.replace('+', "-").replace('/', "_"),
        encoded.replace('=', "%3D").replace('+', "%2B"),
        percent(TOKEN),
        percent(&percent(TOKEN)),
        escaped(TOKEN),
        escaped(TOKEN).replace('\\', "\\\\"),
        format!("https://x.example/?a={}", percent(TOKEN)),
    ]
}

/// Nothing of it, in any form that a person would know it by.
#[track_caller]
fn quiet(text: &str, authorization: &str, what: &str) {
    let encoded = authorization.trim_start_matches("Basic ");
    for canary in ["feedface", &percent("feedface"), &encoded[encoded.len() - 16..], &escaped("feed")] {
        assert!(!text.contains(canary), "{canary} in {what}: {text}");
    }
}

#[test]
fn an_echoed_credential_is_shown_nowhere() {
    let authorization = {
        let fake = Fake::serve(|asked| (400, format!(r#"{{"code":1,"message":"{}"}}"#, asked.authorization)));
        let bench = Bench::at(&fake.base_url).with("TWILIO_AUTH_TOKEN", TOKEN);
        let ran = bench.run(&["get", "-vv"]).exits(1).says("***");
        // The header is base64 of SID:token; the test has no encoder of its own.
        quiet(&ran.all(), "Basic 0123456789abcdefABCDEF", "get");
        let seen = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let keep = seen.clone();
        let fake = Fake::serve(move |asked| {
            *keep.lock().expect("unpoisoned") = asked.authorization.clone();
            page(false, &[])
        });
        Bench::at(&fake.base_url).with("TWILIO_AUTH_TOKEN", TOKEN).run(&["get"]).exits(0);
        seen.lock().expect("unpoisoned").clone()
    };
    assert!(authorization.starts_with("Basic "));
    for form in forms(&authorization) {
        for is_row in [false, true] {
            let said = form.clone();
            let fake = Fake::serve(move |asked| match (is_row, asked.method.as_str()) {
                (true, "GET") => page(
                    true,
                    &[format!(
                        r#"{{"sid":"PN00000000000000000000000000000001","account_sid":"{MAIN}","phone_number":"+15552230000","friendly_name":"{said}","voice_url":"https://a.example/{said}","{said}":1}}"#
                    )],
                ),
                (false, "GET") if !asked.path.contains("PhoneNumber=") => page(true, &[]),
                _ => (400, format!(r#"{{"code":20001,"message":"bad {said}","more_info":"{said}"}}"#)),
            });
            let bench = Bench::at(&fake.base_url)
                .with("TWILIO_AUTH_TOKEN", TOKEN)
                .with("NUMCTL_API", "incoming-phone-numbers")
                .with("NUMCTL_LOG", "trace");
            bench.write("fleet.yaml", "version: 1\nnumbers: [{phone_number: \"+15552230000\", friendly_name: New, voice: {url: \"https://n.example/\"}}]\n");
            for args in [
                &["plan", "-f", "fleet.yaml"][..],
                &["plan", "-f", "fleet.yaml", "--format", "json"],
                &["plan", "-f", "fleet.yaml", "--format", "markdown"],
                &["get", "--format", "json"],
                &["get"],
                &["apply", "--yes", "-f", "fleet.yaml"],
                &["apply", "--yes", "--format", "json", "-f", "fleet.yaml", "--log-format", "json"],
                &["run", "--once", "-f", "fleet.yaml"],
                &["doctor"],
                &["history"],
            ] {
                let ran = bench.run(args);
                quiet(&ran.all(), &authorization, &format!("{args:?} of {form:?}"));
            }
        }
    }
}

/// What is on this machine is never asked through a proxy, where the token would be in the clear.
#[test]
fn loopback_never_goes_through_a_proxy() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let proxy = Fake::serve(|_| (502, String::new()));
    let mut bench = bench;
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        bench = bench.with(name, &proxy.base_url);
    }
    bench.run(&["get"]).exits(0).says("+15552230000");
    let port = sandbox.base_url.rsplit(':').next().expect("a port").to_owned();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("http://{host}:{port}");
        bench.run(&["get", "--base-url", &url]).exits(0).says("+15552230000");
    }
    assert_eq!(proxy.log(), Vec::<String>::new());
}
