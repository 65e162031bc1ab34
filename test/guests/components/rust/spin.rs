wit_bindgen::generate!({ world: "spin", path: "wit", generate_all });
use wasi::http::types::*;
use fermyon::spin::{key_value::Store, variables};
struct Spin;
impl exports::wasi::http::incoming_handler::Guest for Spin {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let store = Store::open("default").unwrap();
        let n: u32 = store.get("n").unwrap().map(|v| String::from_utf8(v).unwrap().parse().unwrap()).unwrap_or(0) + 1;
        store.set("n", n.to_string().as_bytes()).unwrap();
        let keys = store.get_keys().unwrap();
        let color = variables::get("color");
        let headers: Vec<String> = request.headers().entries().into_iter()
            .filter(|(name, _)| name.starts_with("spin-"))
            .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(&value))).collect();
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().unwrap();
        let text = format!("n {n} keys {keys:?} color {color:?} nowhere {:?}\n{}\n", Store::open("nowhere").err(), headers.join("\n"));
        stream.blocking_write_and_flush(text.as_bytes()).unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}
export!(Spin);
