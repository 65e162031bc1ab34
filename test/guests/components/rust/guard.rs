wit_bindgen::generate!({ world: "guard", path: "wit", generate_all });
use wasi::http::types::*;
struct Guard;
impl exports::wasi::http::incoming_handler::Guest for Guard {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let headers = request.headers();
        let ok = headers.get("x-key").first().map(|v| v == b"open").unwrap_or(false);
        if ok {
            wasi::http::incoming_handler::handle(request, out);
            return;
        }
        let response = OutgoingResponse::new(Fields::new());
        response.set_status_code(401).unwrap();
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().unwrap();
        stream.blocking_write_and_flush(b"closed\n").unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}
export!(Guard);
