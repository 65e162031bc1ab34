wit_bindgen::generate!({ world: "spin3", path: "wit", generate_all });
use spin::key_value::key_value::Store;
use spin::variables::variables;
use wasi::http::types::*;
struct Spin;
impl exports::wasi::http::handler::Guest for Spin {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let store = Store::open("default".into()).await.unwrap();
        for key in ["b", "a", "c"] {
            store.set(key.into(), key.as_bytes().to_vec()).await.unwrap();
        }
        store.delete("c".into()).await.unwrap();
        let value = store.get("a".into()).await.unwrap();
        let exists = store.exists("c".into()).await.unwrap();
        let (mut stream, result) = store.get_keys().await;
        let mut keys = Vec::new();
        while let Some(key) = stream.next().await {
            keys.push(key);
        }
        result.await.unwrap();
        let color = variables::get("color".into()).await;
        let nowhere = Store::open("nowhere".into()).await.err();
        let route = request.get_headers().get("spin-path-info");
        let text = format!("{value:?} {exists} {keys:?} {color:?} {nowhere:?} {}\n",
            String::from_utf8_lossy(&route[0]));
        let (mut body, contents) = wit_stream::new();
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(Fields::new(), Some(contents), trailers);
        wit_bindgen::spawn_local(async move {
            body.write_all(text.into_bytes()).await;
        });
        Ok(response)
    }
}
export!(Spin);
