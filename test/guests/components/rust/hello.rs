wit_bindgen::generate!({ world: "hello", path: "../guard/wit2", generate_all });
use wasi::http::types::*;
struct Hello;
impl exports::wasi::http::incoming_handler::Guest for Hello {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().unwrap();
        let path = request.path_with_query().unwrap_or_default();
        let incoming = request.consume().unwrap();
        let input = incoming.stream().unwrap();
        let mut count = 0usize;
        while let Ok(bytes) = input.blocking_read(65536) { count += bytes.len(); }
        stream.blocking_write_and_flush(format!("hello from {path}, {count} bytes\n").as_bytes()).unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}
export!(Hello);
