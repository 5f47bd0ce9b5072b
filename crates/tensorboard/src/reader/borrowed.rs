//! Reads the form that nearly all events have, one tensor of one tag, without copying anything; knows nothing of what
//! the tensor means. What is of another form is left to the messages.

/// An event with one value, a tensor whose elements are in its content.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorEvent<'a> {
    pub(super) wall_time: f64,
    pub(super) step: i64,
    /// Text, unless the event is damaged.
    pub(super) tag: &'a [u8],
    metadata: &'a [u8],
    tensor: &'a [u8],
}

/// A tensor whose elements are in its content.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TensorView<'a> {
    /// A `DataType`.
    pub(super) dtype: u64,
    shape: [i64; MAX_RANK],
    rank: usize,
    pub(super) content: &'a [u8],
}

/// Tensors with more dimensions are of another form.
const MAX_RANK: usize = 2;

impl<'a> TensorEvent<'a> {
    /// The event in a payload; `None` if it is of another form, or is none.
    pub(super) fn parse(payload: &'a [u8]) -> Option<Self> {
        let (mut wall_time, mut step, mut summary) = (0.0, 0, None);
        each_field(payload, |number, field| {
            match (number, field) {
                (1, Field::Fixed64(bytes)) => wall_time = f64::from_le_bytes(bytes),
                (2, Field::Varint(value)) => step = value.cast_signed(),
                (5, Field::Bytes(bytes)) if summary.is_none() => summary = Some(bytes),
                _ => return None,
            }
            Some(())
        })?;
        let mut value = None;
        each_field(summary?, |number, field| match (number, field) {
            (1, Field::Bytes(bytes)) if value.is_none() => {
                value = Some(bytes);
                Some(())
            }
            _ => None,
        })?;
        let (mut tag, mut tensor, mut metadata) = (None, None, None);
        each_field(value?, |number, field| {
            let slot = match number {
                1 => &mut tag,
                8 => &mut tensor,
                9 => &mut metadata,
                _ => return None,
            };
            // A message that comes twice is to be merged.
            set_once(slot, field)
        })?;
        Some(Self {
            wall_time,
            step,
            tag: tag.unwrap_or_default(),
            metadata: metadata.unwrap_or_default(),
            tensor: tensor?,
        })
    }

    /// The tensor; `None` where it is of another form.
    pub(super) fn tensor(&self) -> Option<TensorView<'a>> {
        TensorView::parse(self.tensor)
    }

    /// The name of the plugin; empty where there is none, and `None` where metadata are of another form.
    pub(super) fn plugin(&self) -> Option<&'a str> {
        let mut plugin = None;
        each_field(self.metadata, |number, field| match number {
            1 => set_once(&mut plugin, field),
            _ => None,
        })?;
        let mut name: &[u8] = &[];
        each_field(plugin.unwrap_or_default(), |number, field| {
            match (number, field) {
                (1, Field::Bytes(bytes)) => name = bytes,
                // Its content says nothing about where a point lies.
                (2, Field::Bytes(_)) => {}
                _ => return None,
            }
            Some(())
        })?;
        std::str::from_utf8(name).ok()
    }
}

impl<'a> TensorView<'a> {
    /// The sizes of the dimensions.
    pub(super) fn shape(&self) -> &[i64] {
        &self.shape[..self.rank]
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut tensor = Self::default();
        let mut shape = None;
        each_field(bytes, |number, field| {
            match (number, field) {
                (1, Field::Varint(dtype)) => tensor.dtype = dtype,
                (2, field) => return set_once(&mut shape, field),
                (4, Field::Bytes(content)) => tensor.content = content,
                _ => return None,
            }
            Some(())
        })?;
        each_field(shape.unwrap_or_default(), |number, field| {
            let (2, Field::Bytes(dim)) = (number, field) else { return None };
            let size = tensor.shape.get_mut(tensor.rank)?;
            tensor.rank += 1;
            each_field(dim, |number, field| {
                let (1, Field::Varint(value)) = (number, field) else { return None };
                *size = value.cast_signed();
                Some(())
            })
        })?;
        Some(tensor)
    }
}

/// A field of a message, by how it is encoded.
#[derive(Clone, Copy)]
enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

fn set_once<'a>(slot: &mut Option<&'a [u8]>, field: Field<'a>) -> Option<()> {
    match field {
        Field::Bytes(bytes) if slot.is_none() => {
            *slot = Some(bytes);
            Some(())
        }
        _ => None,
    }
}

/// Gives number and content of each field of a message, until `take` wants no more: then, and if the bytes are no
/// message, the answer is `None`.
fn each_field<'a>(mut bytes: &'a [u8], mut take: impl FnMut(u64, Field<'a>) -> Option<()>) -> Option<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut bytes)?),
            1 => {
                let (fixed, rest) = bytes.split_first_chunk()?;
                bytes = rest;
                Field::Fixed64(*fixed)
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (content, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Field::Bytes(content)
            }
            _ => return None,
        };
        take(key >> 3, field)?;
    }
    Some(())
}

/// A number in the variable length that messages have: seven bits a byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        *bytes = rest;
        return Some(first.into());
    }
    let mut value = 0u64;
    // A tenth byte has one bit left; longer forms are left to the messages.
    for (i, &byte) in bytes.iter().take(9).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *bytes = &bytes[i + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::message::{Summary, What};
    use crate::{Event, Histogram, Step, WallTime};

    fn at(seconds: f64) -> WallTime {
        WallTime::new(seconds).unwrap()
    }

    /// What is read without copying is what the messages say.
    fn agrees(payload: &[u8]) -> bool {
        let Some(found) = TensorEvent::parse(payload) else { return false };
        // What is read without copying is looked at only where it is used.
        let (Some(plugin), Some(view), Ok(tag)) =
            (found.plugin(), found.tensor(), std::str::from_utf8(found.tag))
        else {
            return false;
        };
        let event = Event::decode(payload).unwrap();
        assert_eq!((found.wall_time.to_bits(), found.step), (event.wall_time.to_bits(), event.step));
        let Some(What::Summary(Summary { value })) = &event.what else { panic!("{event:?}") };
        let [value] = &value[..] else { panic!("{event:?}") };
        let Some(crate::message::ValueKind::Tensor(tensor)) = &value.value else { panic!("{event:?}") };
        let data = value.metadata.as_ref().and_then(|metadata| metadata.plugin_data.as_ref());
        assert_eq!((tag, plugin), (&value.tag[..], data.map_or("", |data| &data.plugin_name)));
        assert_eq!(view.shape(), tensor.shape());
        assert_eq!(view.content, tensor.tensor_content);
        assert_eq!(view.dtype as i32, tensor.dtype);
        true
    }

    #[test]
    fn scalars_and_histograms_are_of_this_form() {
        let step = Step(1 << 40);
        assert!(agrees(&Event::scalar(at(1.5), "loss", step, 0.5).encode_to_vec()));
        assert!(agrees(&Event::scalar(at(0.0), "", Step(0), 0.0).encode_to_vec()));
        assert!(agrees(&Event::histogram(at(1.5), "kernel", step, &Histogram::of(&[1.0])).encode_to_vec()));
    }

    #[test]
    fn other_forms_are_left_to_the_messages() {
        let check = |event: Event| assert!(!agrees(&event.encode_to_vec()), "{event:?}");
        check(Event::file_version(at(1.0)));
        check(Event::default());
        // A text has its element in a list; a step below zero takes ten bytes.
        check(Event::text(at(1.0), "note", Step(0), "hello"));
        check(Event::scalar(at(1.0), "loss", Step(-1), 0.5));
        let mut two = Event::scalar(at(1.0), "loss", Step(0), 0.5);
        if let Some(What::Summary(summary)) = &mut two.what {
            summary.value.push(summary.value[0].clone());
        }
        check(two);
        let one = Event::scalar(at(1.0), "loss", Step(0), 0.5).encode_to_vec();
        assert!(!agrees(&[one.clone(), one.clone()].concat()), "merged messages");
        assert!(!agrees(&one[..one.len() - 1]));
        assert!(!agrees(&[&one[..], &[0x30]].concat()));
    }

    proptest! {
        #[test]
        fn any_scalar_agrees(time in any::<f64>(), tag in ".{0,20}", step in any::<i64>(), value in any::<f32>()) {
            let event = Event { wall_time: time, ..Event::scalar(at(0.0), &tag, Step(step), value) };
            prop_assert_eq!(agrees(&event.encode_to_vec()), step >= 0);
        }

        #[test]
        fn changed_bytes_agree_or_are_left(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut payload = Event::histogram(at(9.0), "kernel", Step(7), &Histogram::with_buckets(2, &[1.0, 2.0]))
                .encode_to_vec();
            for (at, byte) in changes {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
            agrees(&payload);
        }
    }
}
