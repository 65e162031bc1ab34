//! Stands before the back-end `origin`: answers `/health` itself and passes everything else on.
use fastly::{Error, Request, Response};

#[fastly::main]
fn main(req: Request) -> Result<Response, Error> {
    if req.get_path() == "/health" {
        return Ok(Response::from_body("ok\n"));
    }
    let mut reply = req.with_pass(true).send("origin")?;
    reply.set_header("x-passed-by", "rust");
    // The body goes from one connection to the other, and not through this program.
    Ok(reply)
}
