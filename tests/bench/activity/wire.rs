//! The wire before the provider: carries bytes on as they come, and keeps the times of questions and answers.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;

use crate::clocks::now;

/// A question and its answer, in microseconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// Whether it was about a page of the activity.
    pub(crate) is_page: bool,
    /// The question's first byte went by.
    pub(crate) asked: u64,
    /// The answer's first byte went by.
    pub(crate) first: Option<u64>,
    /// The answer's last byte so far.
    pub(crate) last: u64,
    /// The answer's bytes.
    pub(crate) bytes: u64,
}

/// Everything that went over the wire.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<Exchange>>>);

impl Wire {
    /// Lays one before an address; it ends with this process. Answers with its near end.
    pub(crate) fn lay(&self, far: SocketAddr) -> Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let near = listener.local_addr()?;
        let wire = self.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A provider that is gone closes the client's end too.
                let _ = wire.join(client, far);
            }
        });
        Ok(near)
    }

    /// What went by until a moment.
    pub(crate) fn until(&self, moment: u64) -> Vec<Exchange> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|exchange| exchange.asked <= moment).cloned().collect()
    }

    fn join(&self, client: TcpStream, far: SocketAddr) -> std::io::Result<()> {
        let server = TcpStream::connect(far)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        // One question at a time is on a connection.
        let current = Arc::new(Mutex::new(None));
        let (wire, place) = (self.clone(), current.clone());
        let (from, to) = (client.try_clone()?, server.try_clone()?);
        std::thread::spawn(move || carry(from, to, |bytes| wire.asked(&place, bytes)));
        let wire = self.clone();
        std::thread::spawn(move || carry(server, client, |bytes| wire.answered(&current, bytes)));
        Ok(())
    }

    fn asked(&self, current: &Mutex<Option<usize>>, bytes: &[u8]) {
        let begins = |word: &[u8]| bytes.starts_with(word);
        if !(begins(b"GET ") || begins(b"POST ") || begins(b"PUT ") || begins(b"DELETE ")) {
            return;
        }
        let asked = now();
        let is_page = begins(b"GET /v1/activity/snapshot");
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(all.len());
        all.push(Exchange { is_page, asked, first: None, last: asked, bytes: 0 });
    }

    fn answered(&self, current: &Mutex<Option<usize>>, bytes: &[u8]) {
        let at = now();
        let place = *current.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exchange) = place.and_then(|place| all.get_mut(place)) {
            exchange.first.get_or_insert(at);
            exchange.last = at;
            exchange.bytes = exchange.bytes.saturating_add(bytes.len() as u64);
        }
    }
}

/// Carries bytes on until either end closes, and closes the other.
fn carry(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        look(bytes);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_and_its_answer_are_told_apart_and_arrive_whole() {
        let far = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Wire::default();
        let near = wire.lay(far.local_addr().unwrap()).unwrap();
        let mut client = TcpStream::connect(near).unwrap();
        let (mut server, _) = far.accept().unwrap();
        let (mut heard, answer) = ([0; 64], vec![7; 100_000]);
        for question in ["GET /v1/activity/snapshot?limit=2 HTTP/1.1", "POST /v1/messages HTTP/1.1"] {
            client.write_all(question.as_bytes()).unwrap();
            server.read_exact(heard.get_mut(..question.len()).unwrap()).unwrap();
            server.write_all(&answer).unwrap();
            let mut came = vec![0; answer.len()];
            client.read_exact(&mut came).unwrap();
            assert_eq!(came, answer);
        }
        let all = wire.until(u64::MAX);
        assert_eq!(
            all.iter().map(|one| (one.is_page, one.bytes)).collect::<Vec<_>>(),
            [(true, 100_000), (false, 100_000)]
        );
        assert!(all.iter().all(|one| one.first.is_some_and(|first| one.asked <= first && first <= one.last)));
    }
}
