//! Draws a badge as SVG: /badge.wasm?label=build&value=passing&colour=2e7d32

mod terrarium;

use terrarium::{Request, Response};

#[no_mangle]
pub extern "C" fn run() {
    terrarium::serve(badge);
}

fn badge(request: Request) -> Response {
    let label = shorten(request.query("label"), "served by");
    let value = shorten(request.query("value"), "terrafirma");
    let colour = request
        .query("colour")
        .filter(is_colour)
        .unwrap_or_else(|| "2e6f95".into());

    let (left, right) = (measure(&label), measure(&value));
    let width = left + right;
    let (label, value) = (escape(&label), escape(&value));
    let (label_x, value_x) = (left / 2, left + right / 2);
    let svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="24" role="img">
<title>{label}: {value}</title>
<clipPath id="c"><rect width="{width}" height="24" rx="5"/></clipPath>
<g clip-path="url(#c)"><rect width="{left}" height="24" fill="#444"/>
<rect x="{left}" width="{right}" height="24" fill="#{colour}"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="12">
<text x="{label_x}" y="16">{label}</text><text x="{value_x}" y="16">{value}</text></g>
</svg>
"##
    );
    Response {
        code: 200,
        headers: vec![("content-type", "image/svg+xml".into())],
        body: svg.into_bytes(),
    }
}

/// At most 40 characters of the text, or the default when there is none.
fn shorten(text: Option<String>, default: &str) -> String {
    text.filter(|text| !text.is_empty())
        .unwrap_or_else(|| default.into())
        .chars()
        .take(40)
        .collect()
}

/// Three or six hexadecimal digits: nothing else may get into the attribute.
fn is_colour(text: &String) -> bool {
    matches!(text.len(), 3 | 6) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The width of a text at 12 pixels, roughly, with its margins.
fn measure(text: &str) -> usize {
    let tenths: usize = text
        .chars()
        .map(|letter| if letter.is_ascii() { 76 } else { 100 })
        .sum();
    tenths / 10 + 18
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
