//! A service of WASI 0.3 that answers one path a behaviour.
wit_bindgen::generate!({ world: "service03", path: "wit", generate_all });

use exports::wasi::http::handler::Guest;
use wasi::clocks::monotonic_clock;
use wasi::http::client;
use wasi::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use wit_bindgen::StreamResult;

struct Service;

type Trailers = Result<Option<Fields>, ErrorCode>;

/// A response with all of its body.
fn whole(status: u16, text: &str) -> Response {
    let (mut writer, reader) = wit_stream::new();
    let (trailers, trailers_reader) = wit_future::new::<Trailers>(|| Ok(None));
    let headers = Fields::new();
    let _ = headers.append("content-type", b"text/plain");
    let (response, _) = Response::new(headers, Some(reader), trailers_reader);
    let _ = response.set_status_code(status);
    let bytes = text.as_bytes().to_vec();
    wit_bindgen::spawn_local(async move {
        writer.write_all(bytes).await;
        drop(writer);
        let _ = trailers.write(Ok(None)).await;
    });
    response
}

fn echo(request: Request) -> Response {
    let (_, result) = wit_future::new(|| Ok(()));
    let (mut body, trailers) = Request::consume_body(request, result);
    let (mut writer, reader) = wit_stream::new();
    let (response, _) = Response::new(Fields::new(), Some(reader), trailers);
    wit_bindgen::spawn_local(async move {
        loop {
            let (status, chunk) = body.read(Vec::with_capacity(4096)).await;
            if !chunk.is_empty() {
                let rest = writer.write_all(chunk).await;
                if !rest.is_empty() {
                    break;
                }
            }
            if let StreamResult::Dropped = status {
                break;
            }
        }
    });
    response
}

fn pass(request: Request) -> Response {
    let (_, result) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, result);
    Response::new(Fields::new(), Some(body), trailers).0
}

fn with_trailers() -> Response {
    let (mut writer, reader) = wit_stream::new();
    let (trailers, trailers_reader) = wit_future::new::<Trailers>(|| Ok(None));
    let (response, _) = Response::new(Fields::new(), Some(reader), trailers_reader);
    wit_bindgen::spawn_local(async move {
        writer.write_all(b"body".to_vec()).await;
        drop(writer);
        let fields = Fields::new();
        let _ = fields.append("x-sum", b"42");
        let _ = trailers.write(Ok(Some(fields))).await;
    });
    response
}

fn slow() -> Response {
    let (mut writer, reader) = wit_stream::new();
    let (trailers, trailers_reader) = wit_future::new::<Trailers>(|| Ok(None));
    let (response, _) = Response::new(Fields::new(), Some(reader), trailers_reader);
    wit_bindgen::spawn_local(async move {
        for count in 0..3 {
            writer.write_all(format!("{count}\n").into_bytes()).await;
            monotonic_clock::wait_for(20_000_000).await;
        }
        drop(writer);
        let _ = trailers.write(Ok(None)).await;
    });
    response
}

fn large() -> Response {
    let (mut writer, reader) = wit_stream::new();
    let (trailers, trailers_reader) = wit_future::new::<Trailers>(|| Ok(None));
    let (response, _) = Response::new(Fields::new(), Some(reader), trailers_reader);
    wit_bindgen::spawn_local(async move {
        for _ in 0..64 {
            writer.write_all(vec![b'x'; 65_536]).await;
        }
        drop(writer);
        let _ = trailers.write(Ok(None)).await;
    });
    response
}

async fn fetch(request: Request) -> Result<Response, ErrorCode> {
    let authority = request.get_authority();
    let (trailers, trailers_reader) = wit_future::new::<Trailers>(|| Ok(None));
    drop(trailers);
    let (asked, _) = Request::new(Fields::new(), None, trailers_reader, None);
    let _ = asked.set_scheme(Some(&Scheme::Http));
    let _ = asked.set_authority(authority.as_deref());
    let _ = asked.set_path_with_query(Some("/far.txt"));
    client::send(asked).await
}

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        match path.split('?').next().unwrap_or_default() {
            "/echo" => Ok(echo(request)),
            "/pass" => Ok(pass(request)),
            "/trailers" => Ok(with_trailers()),
            "/slow" => Ok(slow()),
            "/large" => Ok(large()),
            "/fetch" => fetch(request).await,
            "/denied" => Err(ErrorCode::HttpRequestDenied),
            "/panic" => panic!("on purpose"),
            "/after" => {
                wit_bindgen::spawn_local(async { monotonic_clock::wait_for(50_000_000).await });
                Ok(whole(200, "before"))
            }
            _ => Ok(whole(200, "hello")),
        }
    }
}

export!(Service);
