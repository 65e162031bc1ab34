//! Says the path that was asked for, as a service of WASI 0.3.
wit_bindgen::generate!({ world: "hello3", path: "wit", generate_all });

use exports::wasi::http::handler::Guest;
use wasi::http::types::{ErrorCode, Fields, Request, Response};

struct Hello;

impl Guest for Hello {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (mut writer, body) = wit_stream::new();
        let (trailers, after) = wit_future::new(|| Ok(None));
        wit_bindgen::spawn_local(async move {
            let path = request.get_path_with_query().unwrap_or_default();
            writer.write_all(format!("hello from {path}\n").into_bytes()).await;
            drop(writer);
            let _ = trailers.write(Ok(None)).await;
        });
        Ok(Response::new(Fields::new(), Some(body), after).0)
    }
}

export!(Hello);
