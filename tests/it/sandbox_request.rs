//! A request as the sandbox sees it, without a socket.

use numctl::sandbox::HttpRequest;
use url::form_urlencoded;

/// A request with a form, from nobody yet.
pub(crate) fn request(method: &str, path: &str, query: &str, form: &[(&str, &str)]) -> HttpRequest {
    HttpRequest {
        method: method.into(),
        path: path.into(),
        query: query.into(),
        form: form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish(),
        ..HttpRequest::default()
    }
}
