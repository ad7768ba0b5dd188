//! Prices and regulations, and that both APIs show the same model.

use numctl::sandbox::{MAIN_SID, SUBACCOUNT_SID};
use serde_json::{Value, json};

use super::{ACTIVE, COUNTRIES, Client, FIRST, REGULATIONS, UNOWNED, keys, list, sid};

#[test]
fn prices() {
    let mut client = Client::new(0, "");
    let body = client.get(COUNTRIES);
    assert_eq!(keys(&body), ["countries", "meta"]);
    let base = "http://127.0.0.1:4010/v1/PhoneNumbers/Countries";
    assert_eq!(
        body["countries"][3],
        json!({"country": "United States", "iso_country": "US", "url": format!("{base}/US")})
    );
    assert_eq!(
        body["meta"],
        json!({"page": 0, "page_size": 50, "first_page_url": format!("{base}?PageSize=50&Page=0"),
               "previous_page_url": null, "url": format!("{base}?PageSize=50&Page=0"), "next_page_url": null,
               "key": "countries"})
    );
    assert_eq!(
        client.get(&format!("{COUNTRIES}/US")),
        json!({"country": "United States", "iso_country": "US", "price_unit": "USD", "url": format!("{base}/US"),
        "phone_number_prices": [
            {"number_type": "local", "base_price": "1.15", "current_price": "1.15"},
            {"number_type": "toll free", "base_price": "2.15", "current_price": "2.15"},
        ]})
    );
    let types = |client: &mut Client, code| -> Vec<String> {
        let body = client.get(&format!("{COUNTRIES}/{code}"));
        let prices = body["phone_number_prices"].as_array().expect("prices").clone();
        prices
            .iter()
            .map(|row| {
                format!(
                    "{} {}",
                    row["number_type"].as_str().unwrap_or(""),
                    row["base_price"].as_str().unwrap_or("")
                )
            })
            .collect()
    };
    assert_eq!(types(&mut client, "GB"), ["local 1.15", "mobile 1.15"]);
    assert_eq!(types(&mut client, "DE"), ["local 1.30"]);
    assert_eq!(types(&mut client, "AU"), ["mobile 1.25"]);
    assert_eq!(client.refused("GET", "/v1/PhoneNumbers/Countries/AQ", &[]), (404, 20404));
}

#[test]
fn regulations() {
    let mut client = Client::new(0, "");
    let found = |client: &mut Client, query: &str| -> Vec<String> {
        let body = client.get(&format!("{REGULATIONS}?{query}"));
        assert_eq!((keys(&body), &body["meta"]["key"]), (vec!["meta", "results"], &json!("results")));
        let rows = body["results"].as_array().expect("rows");
        rows.iter()
            .map(|row| {
                format!(
                    "{} {}",
                    row["iso_country"].as_str().unwrap_or(""),
                    row["number_type"].as_str().unwrap_or("")
                )
            })
            .collect()
    };
    assert_eq!(found(&mut client, ""), ["AU mobile", "DE local"]);
    assert_eq!(found(&mut client, "IsoCountry=DE&NumberType=local"), ["DE local"]);
    assert_eq!(found(&mut client, "IsoCountry=AU"), ["AU mobile"]);
    assert!(found(&mut client, "IsoCountry=DE&NumberType=mobile").is_empty());
    assert!(found(&mut client, "IsoCountry=GB&NumberType=mobile").is_empty(), "an address is no bundle");
    let row = client.get(&format!("{REGULATIONS}?IsoCountry=DE"))["results"][0].clone();
    let rn = row["sid"].as_str().expect("a sid").to_owned();
    assert!(rn.starts_with("RN") && rn.len() == 34, "{rn}");
    assert_eq!(
        row,
        json!({"sid": rn, "friendly_name": "Germany: local - business", "iso_country": "DE", "number_type": "local",
               "end_user_type": "business", "requirements": {},
               "url": format!("http://127.0.0.1:4010{REGULATIONS}/{rn}")})
    );
}

#[test]
fn both_apis_show_the_same_model() {
    let mut client = Client::new(1, "");
    let path = client.path(FIRST);
    let pn = path.rsplit('/').next().expect("a sid").trim_end_matches(".json").to_owned();
    let active = format!("{ACTIVE}/{pn}");
    let [trunk, address, application] = ["TK", "AD", "AP"].map(sid);
    // By one, read by the other.
    client.post(
        200,
        &active,
        &[
            ("Configurations.Voice.Url", "https://a.example/v"),
            ("Configurations.Voice.TrunkSid", &trunk),
            ("Configurations.StatusCallback", "https://a.example/s"),
            ("FriendlyName", "Desk"),
            ("Configurations.Voice.EmergencyAddressSid", &address),
            ("Configurations.Voice.ReceiveMode", "voice"),
        ],
    );
    let row = client.get(&path);
    let shown = [
        "voice_url",
        "trunk_sid",
        "status_callback",
        "friendly_name",
        "emergency_address_sid",
        "emergency_address_status",
        "voice_receive_mode",
    ]
    .map(|key| row[key].clone());
    assert_eq!(
        json!(shown),
        json!(["https://a.example/v", trunk, "https://a.example/s", "Desk", address, "registered", "voice"])
    );
    client.post(
        200,
        &path,
        &[
            ("SmsUrl", "https://b.example/s"),
            ("VoiceApplicationSid", &application),
            ("FriendlyName", ""),
            ("VoiceCallerIdLookup", "true"),
            ("AddressSid", &address),
            ("EmergencyAddressSid", ""),
        ],
    );
    let configuration = client.get(&active)["items"][0]["configuration"].clone();
    assert_eq!(configuration["friendly_name"], "(555) 223-0000");
    assert_eq!(configuration["sms"]["url"], "https://b.example/s");
    let voice = &configuration["voice"];
    assert_eq!((&voice["application_sid"], &voice["trunk_sid"]), (&json!(application), &Value::Null));
    assert_eq!((&voice["caller_id_lookup"], &voice["emergency_address_sid"]), (&json!(true), &Value::Null));
    assert!(!configuration.to_string().contains("\"address_sid\""), "the preview does not show papers");
    // Purchases, transfers and releases.
    client.post(201, ACTIVE, &[("PhoneNumber", UNOWNED)]);
    assert_eq!(client.numbers(&list(MAIN_SID)), [UNOWNED, FIRST]);
    client.post(200, &path, &[("AccountSid", SUBACCOUNT_SID)]);
    assert_eq!(client.get(ACTIVE)["items"].as_array().map(Vec::len), Some(1));
    client.be(SUBACCOUNT_SID);
    assert_eq!(client.get(ACTIVE)["items"][0]["sid"], pn.as_str());
    assert_eq!(client.send("DELETE", &active, &[]).status, 204);
    assert!(client.numbers(&list(SUBACCOUNT_SID)).is_empty());
}
