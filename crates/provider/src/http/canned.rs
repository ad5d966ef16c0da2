//! A server for tests that says exactly what it is told, and remembers what it was asked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, Response},
};

/// Decides an answer: status, headers and body.
type Answer = Arc<dyn Fn(&Asked) -> (u16, Vec<(&'static str, String)>, String) + Send + Sync>;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Asked {
    /// A field of the query or of a form.
    pub(crate) fn field(&self, name: &str) -> String {
        if let Some(value) = self.query.get(name) {
            return value.clone();
        }
        let mut pairs = url::form_urlencoded::parse(self.body.as_bytes());
        pairs.find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap_or_default()
    }
}

/// A running server.
pub(crate) struct Canned {
    /// Where it listens.
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Canned {
    /// Answers each request by a function of it.
    pub(crate) async fn serve(
        answer: impl Fn(&Asked) -> (u16, Vec<(&'static str, String)>, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let state: (Answer, _) = (Arc::new(answer), asked.clone());
        let app = Router::new().fallback(reply).with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked }
    }

    /// Answers each request with a JSON text that a function gives for it.
    pub(crate) async fn json(answer: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Self {
        Self::serve(move |asked| (200, vec![("content-type", "application/json".into())], answer(asked)))
            .await
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn reply(
    State((answer, seen)): State<(Answer, Arc<Mutex<Vec<Asked>>>)>,
    request: Request<Body>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: query.into_owned().collect(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let (status, headers, body) = answer(&asked);
    seen.lock().unwrap().push(asked);
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}
