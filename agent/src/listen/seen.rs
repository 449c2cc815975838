//! Seen: all messages that came so far, by their names, without values.

use spoa_actors::MessageRef;

use super::shape::Shape;

/// How much is kept, in bytes: what comes when it is full is only counted.
const MOST: usize = 1 << 20;

/// All messages that came so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) messages: Vec<SeenMessage>,
    /// How many came for which there was no room.
    pub(super) others: u64,
    size: usize,
}

/// The messages of a name.
#[derive(Clone, Debug)]
pub(super) struct SeenMessage {
    pub(super) name: Vec<u8>,
    pub(super) count: u64,
    /// Their arguments: each form once.
    pub(super) shapes: Vec<Shape>,
}

/// What a message is, beside those before it.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum News {
    /// The first of its name, or with other arguments than those before it.
    New,
    /// One like others: so many of its name have come.
    Again(u64),
    /// One for which there is no room; whether it is the first of these.
    NoRoom(bool),
}

impl Seen {
    /// Takes a message in.
    pub(super) fn take(&mut self, message: &MessageRef<'_>) -> News {
        let known = self.messages.iter_mut().find(|known| known.name == message.name());
        if let Some(known) = known {
            known.count += 1;
            if known.shapes.iter().any(|shape| shape.is_of(message)) {
                return News::Again(known.count);
            }
        }
        let shape = Shape::of(message);
        let size = shape.size() + message.name().len();
        if self.size + size > MOST {
            self.others += 1;
            return News::NoRoom(self.others == 1);
        }
        self.size += size;
        match self.messages.iter_mut().find(|known| known.name == message.name()) {
            Some(known) => known.shapes.push(shape),
            None => self.messages.push(SeenMessage {
                name: message.name().to_vec(),
                count: 1,
                shapes: vec![shape],
            }),
        }
        News::New
    }
}

#[cfg(test)]
mod tests {
    use spoa_actors::Message;

    use super::*;

    #[test]
    fn each_form_of_a_message_is_new_once() {
        let mut seen = Seen::default();
        let one = Message::new("m").arg("a", 1_i64);
        let other = Message::new("m").arg("a", "1");
        let more = Message::new("m").arg("a", 1_i64).arg("", true);
        for message in [&one, &other, &more, &Message::new("n")] {
            assert_eq!(seen.take(&message.as_ref()), News::New, "{message}");
        }
        assert_eq!(seen.take(&one.as_ref()), News::Again(4));
        assert_eq!(seen.take(&more.as_ref()), News::Again(5));
        assert_eq!(seen.messages.len(), 2);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut seen = Seen::default();
        let mut rest = 0;
        for number in 0..100 {
            let message = Message::new(format!("m{number}{}", "x".repeat(50_000)));
            match seen.take(&message.as_ref()) {
                News::New => assert_eq!(rest, 0),
                news => {
                    assert_eq!(news, News::NoRoom(rest == 0));
                    rest += 1;
                }
            }
        }
        assert!(seen.messages.len() >= 20 && seen.others == rest, "{rest}");
    }
}
