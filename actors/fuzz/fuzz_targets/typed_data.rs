//! Typed data: any bytes are read as the grammar says, and what was read is written in one way only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spoa_actors::{
    Action, Actions, ForeignText, Message, Scope, TypedData,
    spop::{Frame, FrameType},
};
use spoa_fuzz::{model, whole};

/// The messages of a NOTIFY with one message "m" of `count` arguments.
fn decode(count: u8, args: &[u8]) -> Option<Message> {
    let payload = [b"\x01m", &[count][..], args].concat();
    match Frame::decode(whole(FrameType::NOTIFY, &payload)) {
        Ok(Frame::Notify(notify)) => {
            let messages: Vec<_> = notify.messages.collect();
            assert_eq!(messages.len(), 1, "nothing is left for a second message");
            messages.into_iter().next()
        }
        Ok(other) => panic!("a NOTIFY became {other:?}"),
        Err(_) => None,
    }
}

fn is_written_in_one_way(value: TypedData<'_>) {
    let message = Message::new("m").arg("", value);
    let written = model::written_typed_data(&value);
    assert_eq!(message.as_bytes(), [b"\x01m\x01\0", &written[..]].concat());
    assert_eq!(message.get(""), Some(value));
    let actions = Actions::new().set_var(Scope::Session, "v", value).expect("a name");
    let read: Vec<_> = actions.iter().collect();
    assert_eq!(read, [Action::SetVar { scope: Scope::Session, name: b"v", value }]);
}

fn answers_for_itself(value: TypedData<'_>) {
    let kinds = [value.as_integer().is_some(), value.as_ip().is_some(), value.as_bytes().is_some()];
    let kinds = kinds.into_iter().filter(|is| *is).count();
    let expected = usize::from(!matches!(value, TypedData::Null | TypedData::Bool(_)));
    assert_eq!(kinds, expected, "{value} is a {}", value.type_name());
    let shown = value.to_string();
    assert_eq!(shown, ForeignText::of(&shown).up_to(usize::MAX).to_string(), "it is safe to print");
}

fuzz_target!(|data: &[u8]| {
    let (mut args, mut bytes) = model::leading(data, model::pair);
    let Ok(count) = u8::try_from(args.len()) else { return };
    let message = decode(count, bytes).expect("the model reads it");
    let read: Vec<_> = message.args().map(|arg| (arg.name, arg.value)).collect();
    assert_eq!(read, args);
    args.iter().for_each(|(_, value)| {
        is_written_in_one_way(*value);
        answers_for_itself(*value);
    });
    // What the model cannot read is no argument, and neither is anything cut short.
    if let Some(more) = count.checked_add(1) {
        assert_eq!(decode(more, data), None);
    }
    if args.pop().is_some() {
        bytes = &bytes[..bytes.len() - 1];
        assert_eq!(decode(count, bytes), None);
    }
});
