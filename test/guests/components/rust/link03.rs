wit_bindgen::generate!({ world: "link03", path: "wit", generate_all });
use wasi::http::types::*;
struct Link;
impl exports::wasi::http::handler::Guest for Link {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let response = wasi::http::handler::handle(request).await?;
        let status = response.get_status_code();
        let headers = response.get_headers().clone();
        headers.append("x-link", b"0.3").map_err(|_| ErrorCode::InternalError(None))?;
        let (_, done) = wit_future::new(|| Ok(()));
        let (body, trailers) = Response::consume_body(response, done);
        let (answer, _) = Response::new(headers, Some(body), trailers);
        answer.set_status_code(status).map_err(|_| ErrorCode::InternalError(None))?;
        Ok(answer)
    }
}
export!(Link);
