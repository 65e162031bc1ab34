//! One handler a path, as the program in JavaScript beside this one.
use fastly::cache::simple::{get_or_set_with, CacheEntry};
use fastly::http::purge::{purge_surrogate_key, soft_purge_surrogate_key};
use fastly::http::{header, FramingHeadersMode, Method, StatusCode};
use fastly::kv_store::{KVStore, KVStoreError};
use fastly::{compute_runtime, ConfigStore, Error, Request, Response, SecretStore};
use std::io::Write;
use std::time::Duration;

fn main() -> Result<(), Error> {
    let req = Request::from_client();
    match req.get_path() {
        "/stream" => stream(),
        "/hints" => hints(),
        "/framed" => framed(),
        "/websocket" => Ok(req.handoff_websocket("origin")?),
        _ => {
            answer(req)?.send_to_client();
            Ok(())
        }
    }
}

fn answer(req: Request) -> Result<Response, Error> {
    match req.get_path() {
        "/hello" => {
            let name = query(&req, "name").unwrap_or_else(|| "world".into());
            Ok(Response::from_body(format!("Hello, {name}!\n")))
        }
        "/echo" => echo(req),
        "/fan-out" => fan_out(),
        "/pass" => Ok(ask("/large").send("origin")?),
        "/kv" => key_value(req),
        "/config" => {
            let store = ConfigStore::open("settings");
            let key = query(&req, "key").unwrap_or_default();
            Ok(value_or_none(store.get(&key).map(String::into_bytes)))
        }
        "/secret" => {
            let store = SecretStore::open("secrets")?;
            let key = query(&req, "key").unwrap_or_default();
            let secret = store.get(&key);
            Ok(value_or_none(secret.map(|it| it.plaintext().to_vec())))
        }
        "/cookies" => {
            let cookie = req.get_header_str(header::COOKIE).unwrap_or("").to_owned();
            let mut reply = Response::from_body(cookie);
            reply.append_header(header::SET_COOKIE, "a=1; Path=/");
            reply.append_header(header::SET_COOKIE, "b=2; HttpOnly");
            Ok(reply)
        }
        "/gzip" => gzip(),
        "/cache" => cache(&req),
        "/kept" => kept(),
        "/purge" => {
            match query(&req, "soft") {
                Some(_) => soft_purge_surrogate_key("kept")?,
                None => purge_surrogate_key("kept")?,
            }
            Ok(Response::from_body("purged\n"))
        }
        "/used" => Ok(used()),
        "/panic" => panic!("asked to panic"),
        "/log" => {
            let mut endpoint = fastly::log::Endpoint::from_name("things");
            write!(endpoint, "told to the endpoint")?;
            println!("told to the console");
            Ok(Response::from_body("told\n"))
        }
        "/about" => Ok(about(&req)),
        _ => Ok(Response::from_status(StatusCode::NOT_FOUND).with_body("no such path\n")),
    }
}

fn query(req: &Request, name: &str) -> Option<String> {
    req.get_query_parameter(name).map(str::to_owned)
}

fn ask(path: &str) -> Request {
    Request::get(format!("http://origin.test{path}")).with_pass(true)
}

fn echo(mut req: Request) -> Result<Response, Error> {
    let method = req.get_method_str().to_owned();
    let asked = req.get_header_str("x-ask").unwrap_or("").to_owned();
    let body = req.take_body();
    Ok(Response::from_body(body)
        .with_header("x-method", method)
        .with_header("x-asked", asked))
}

fn stream() -> Result<(), Error> {
    let mut body = Response::new().stream_to_client();
    for count in 0..5 {
        std::thread::sleep(Duration::from_millis(1));
        writeln!(body, "chunk {count}")?;
        body.flush()?;
    }
    body.finish()?;
    Ok(())
}

fn fan_out() -> Result<Response, Error> {
    let pending = (0..8)
        .map(|at| ask(&format!("/item/{at}")).send_async("origin"))
        .collect::<Result<Vec<_>, _>>()?;
    let mut texts = Vec::new();
    for each in pending {
        texts.push(each.wait()?.into_body_str());
    }
    Ok(Response::from_body(texts.join(",")))
}

fn key_value(mut req: Request) -> Result<Response, Error> {
    let store = KVStore::open("things")?.expect("a store");
    let key = query(&req, "key").unwrap_or_default();
    match *req.get_method() {
        Method::PUT => {
            store.insert(&key, req.take_body())?;
            Ok(Response::from_body("kept\n"))
        }
        Method::DELETE => {
            store.delete(&key)?;
            Ok(Response::from_body("gone\n"))
        }
        _ => match store.lookup(&key) {
            Ok(mut found) => Ok(Response::from_body(found.take_body())),
            Err(KVStoreError::ItemNotFound) => {
                Ok(Response::from_status(StatusCode::NOT_FOUND).with_body("none\n"))
            }
            Err(error) => Err(error.into()),
        },
    }
}

fn value_or_none(value: Option<Vec<u8>>) -> Response {
    match value {
        Some(value) => Response::from_body(value),
        None => Response::from_status(StatusCode::NOT_FOUND).with_body("none"),
    }
}

fn gzip() -> Result<Response, Error> {
    let mut req = ask("/gzip");
    req.set_auto_decompress_gzip(true);
    let reply = req.send("origin")?;
    let coding = reply
        .get_header_str(header::CONTENT_ENCODING)
        .unwrap_or("none")
        .to_owned();
    Ok(Response::from_body(format!("{coding}: {}", reply.into_body_str())))
}

fn cache(req: &Request) -> Result<Response, Error> {
    let key = query(req, "key").unwrap_or_default();
    let body = get_or_set_with(key, || {
        let value = ask("/count").send("origin")?.into_body();
        Ok(CacheEntry { value, ttl: Duration::from_secs(60) })
    })?;
    Ok(body.map_or_else(Response::new, Response::from_body))
}

fn kept() -> Result<Response, Error> {
    ask("/arrive").send("origin")?;
    Ok(Request::get("http://origin.test/kept").send("origin")?)
}

fn hints() -> Result<(), Error> {
    Response::from_status(103)
        .with_header("link", "</a.css>; rel=preload")
        .send_to_client();
    Response::from_body("after hints\n").send_to_client();
    Ok(())
}

fn framed() -> Result<(), Error> {
    let mut reply = Response::new().with_header(header::CONTENT_LENGTH, "6");
    reply.set_framing_headers_mode(FramingHeadersMode::ManuallyFromHeaders);
    let mut body = reply.stream_to_client();
    write!(body, "framed")?;
    body.finish()?;
    Ok(())
}

fn used() -> Response {
    let cpu_ms = compute_runtime::elapsed_vcpu_ms().expect("the CPU time");
    let heap_mib = compute_runtime::heap_memory_snapshot_mib().expect("the heap");
    Response::from_body(format!(r#"{{"cpuMs":{cpu_ms},"heapMib":{heap_mib}}}"#))
}

fn about(req: &Request) -> Response {
    let address = req.get_client_ip_addr().map(|it| it.to_string()).unwrap_or_default();
    let hostname = std::env::var("FASTLY_HOSTNAME").unwrap_or_default();
    let protocol = req.get_tls_protocol().ok().flatten().unwrap_or("");
    let cipher = req
        .get_tls_cipher_openssl_name()
        .ok()
        .flatten()
        .unwrap_or("");
    let ja3 = req.get_tls_ja3_md5().unwrap_or_default();
    let ja3: String = ja3.iter().map(|byte| format!("{byte:02x}")).collect();
    let ja4 = req.get_tls_ja4().unwrap_or("");
    let h2 = req.get_client_h2_fingerprint().unwrap_or("");
    let fields = [
        ("address", address.as_str()),
        ("hostname", hostname.as_str()),
        ("protocol", protocol),
        ("cipher", cipher),
        ("ja3", ja3.as_str()),
        ("ja4", ja4),
        ("h2", h2),
    ];
    let members = fields.map(|(name, value)| format!(r#""{name}":"{value}""#));
    Response::from_body(format!("{{{}}}", members.join(",")))
}
