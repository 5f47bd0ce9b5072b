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
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorView<'a> {
    /// A `DataType`.
    pub(super) dtype: u64,
    shape: [i64; MAX_RANK],
    rank: usize,
    pub(super) content: &'a [u8],
}

/// Tensors with more dimensions are of another form.
const MAX_RANK: usize = 2;

/// Keys of fields: the number of the field, and how it is encoded.
mod key {
    pub(super) const WALL_TIME: u8 = 1 << 3 | 1;
    pub(super) const STEP: u8 = 2 << 3;
    pub(super) const SUMMARY: u8 = 5 << 3 | 2;
    /// The value of a summary, its tag, the plugin of metadata, the name of a plugin.
    pub(super) const FIRST: u8 = 1 << 3 | 2;
    pub(super) const TENSOR: u8 = 8 << 3 | 2;
    pub(super) const METADATA: u8 = 9 << 3 | 2;
    /// The type of a tensor, the size of a dimension.
    pub(super) const FIRST_NUMBER: u8 = 1 << 3;
    /// The shape of a tensor, a dimension of a shape, the content of a plugin.
    pub(super) const SECOND: u8 = 2 << 3 | 2;
    pub(super) const CONTENT: u8 = 4 << 3 | 2;
}

impl<'a> TensorEvent<'a> {
    /// The event in a payload; `None` if it is of another form, or is none. Fields are expected in the order of their
    /// numbers, in which all programs write them.
    pub(super) fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut event = Cursor(payload);
        let wall_time = if event.skip(key::WALL_TIME) { event.fixed64()? } else { 0.0 };
        let step = if event.skip(key::STEP) { event.varint()?.cast_signed() } else { 0 };
        let mut summary = Cursor(event.only(key::SUMMARY)?);
        let mut value = Cursor(summary.only(key::FIRST)?);
        let tag = if value.skip(key::FIRST) { value.bytes()? } else { &[] };
        let tensor = if value.skip(key::TENSOR) { value.bytes()? } else { return None };
        let metadata = if value.skip(key::METADATA) { value.bytes()? } else { &[] };
        value.0.is_empty().then_some(Self { wall_time, step, tag, metadata, tensor })
    }

    /// The tensor; `None` where it is of another form.
    pub(super) fn tensor(&self) -> Option<TensorView<'a>> {
        TensorView::parse(self.tensor)
    }

    /// The name of the plugin; empty where there is none, and `None` where metadata are of another form.
    pub(super) fn plugin(&self) -> Option<&'a str> {
        if self.metadata.is_empty() {
            return Some("");
        }
        let mut plugin = Cursor(Cursor(self.metadata).only(key::FIRST)?);
        let name = if plugin.skip(key::FIRST) { plugin.bytes()? } else { &[] };
        // Its content says nothing about where a point lies.
        if plugin.skip(key::SECOND) {
            plugin.bytes()?;
        }
        if plugin.0.is_empty() { std::str::from_utf8(name).ok() } else { None }
    }
}

impl<'a> TensorView<'a> {
    /// The sizes of the dimensions.
    pub(super) fn shape(&self) -> &[i64] {
        &self.shape[..self.rank]
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut tensor = Cursor(bytes);
        let dtype = if tensor.skip(key::FIRST_NUMBER) { tensor.varint()? } else { 0 };
        let mut dims = Cursor(if tensor.skip(key::SECOND) { tensor.bytes()? } else { &[] });
        let content = if tensor.0.is_empty() { &[] } else { tensor.only(key::CONTENT)? };
        let (mut shape, mut rank) = ([0; MAX_RANK], 0);
        while !dims.0.is_empty() {
            let mut dim = Cursor(if dims.skip(key::SECOND) { dims.bytes()? } else { return None });
            if dim.skip(key::FIRST_NUMBER) {
                *shape.get_mut(rank)? = dim.varint()?.cast_signed();
            }
            rank += 1;
            if !dim.0.is_empty() || rank > MAX_RANK {
                return None;
            }
        }
        Some(Self { dtype, shape, rank, content })
    }
}

/// The rest of a message.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// Goes on behind a field's key, if it is this one.
    fn skip(&mut self, key: u8) -> bool {
        match self.0.split_first() {
            Some((&first, rest)) if first == key => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// The bytes of the field that alone makes up the rest.
    fn only(&mut self, key: u8) -> Option<&'a [u8]> {
        let bytes = if self.skip(key) { self.bytes()? } else { return None };
        self.0.is_empty().then_some(bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn fixed64(&mut self) -> Option<f64> {
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(f64::from_le_bytes(bytes))
    }

    /// A number in the variable length that messages have: seven bits a byte, the lowest first.
    fn varint(&mut self) -> Option<u64> {
        let (&first, rest) = self.0.split_first()?;
        if first < 0x80 {
            self.0 = rest;
            return Some(first.into());
        }
        let mut value = 0u64;
        // A tenth byte has one bit left; longer forms are left to the messages.
        for i in 0..9 {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
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
