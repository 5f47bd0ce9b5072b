//! What a [`Writer`] appends besides curves and histograms: one method for each kind of value.

use crate::message::custom_scalars::Layout;
use crate::message::hparams::{Experiment, SessionStartInfo, Status};
use crate::{Audio, Error, Event, Graph, Image, Mesh, PrCurve, Step, Table, WallTime, Writer};

impl Writer {
    /// Appends one Markdown text.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn text(&mut self, tag: impl AsRef<str>, step: impl Into<Step>, markdown: &str) -> Result<(), Error> {
        self.write(&Event::text(WallTime::now(), tag.as_ref(), step.into(), markdown))
    }

    /// Appends one table, which the Text dashboard shows.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn table(&mut self, tag: impl AsRef<str>, step: impl Into<Step>, table: &Table) -> Result<(), Error> {
        self.write(&Event::table(WallTime::now(), tag.as_ref(), step.into(), table))
    }

    /// Appends one image.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn image(&mut self, tag: impl AsRef<str>, step: impl Into<Step>, image: &Image) -> Result<(), Error> {
        self.images(tag, step, std::slice::from_ref(image))
    }

    /// Appends several images of one step, all of the same size, which are shown beside each other.
    ///
    /// # Errors
    /// If there are no images, if their sizes differ, or if the event file cannot be written.
    pub fn images(
        &mut self,
        tag: impl AsRef<str>,
        step: impl Into<Step>,
        images: &[Image],
    ) -> Result<(), Error> {
        self.write(&Event::images(WallTime::now(), tag.as_ref(), step.into(), images)?)
    }

    /// Appends one sound.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn audio(&mut self, tag: impl AsRef<str>, step: impl Into<Step>, audio: &Audio) -> Result<(), Error> {
        self.write(&Event::audio(WallTime::now(), tag.as_ref(), step.into(), audio))
    }

    /// Appends one precision-recall curve.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn pr_curve(
        &mut self,
        tag: impl AsRef<str>,
        step: impl Into<Step>,
        curve: &PrCurve,
    ) -> Result<(), Error> {
        self.write(&Event::pr_curve(WallTime::now(), tag.as_ref(), step.into(), curve))
    }

    /// Appends one mesh or cloud of points.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn mesh(&mut self, tag: impl AsRef<str>, step: impl Into<Step>, mesh: &Mesh) -> Result<(), Error> {
        self.write(&Event::mesh(WallTime::now(), tag.as_ref(), step.into(), mesh))
    }

    /// Appends the graph of operations of the run. TensorBoard takes the last one.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn graph(&mut self, graph: &Graph) -> Result<(), Error> {
        self.write(&Event::graph(WallTime::now(), graph.encode()))
    }

    /// Appends the layers of the model, as Keras' `model.to_json()` writes them, under the tag `keras` at
    /// step 0.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn keras_model(&mut self, json: &str) -> Result<(), Error> {
        self.write(&Event::keras_model(WallTime::now(), json))
    }

    /// Appends what the Custom Scalars dashboard shows.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn custom_scalars(&mut self, layout: &Layout) -> Result<(), Error> {
        self.write(&Event::custom_scalars(WallTime::now(), layout))
    }

    /// Appends the columns of the HParams table: once for all sessions, best in the folder above theirs.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn experiment(&mut self, experiment: &Experiment) -> Result<(), Error> {
        self.write(&Event::experiment(WallTime::now(), experiment))
    }

    /// Appends the start of a session, which is a row of the HParams table: in the folder of the session, above
    /// those of its curves.
    ///
    /// # Errors
    /// If the value of a hyperparameter cannot be shown, or if the event file cannot be written.
    pub fn session_start(&mut self, session: &SessionStartInfo) -> Result<(), Error> {
        self.write(&Event::session_start(WallTime::now(), session)?)
    }

    /// Appends the end of the session.
    ///
    /// # Errors
    /// If the event file cannot be written.
    pub fn session_end(&mut self, status: Status) -> Result<(), Error> {
        self.write(&Event::session_end(WallTime::now(), status))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::message::custom_scalars::{Category, Chart};
    use crate::message::{TensorProto, ValueKind, What};
    use crate::{EventReader, Node};

    #[test]
    fn each_kind_of_value_is_appended() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(dir.path()).unwrap();
        let before = WallTime::now();
        let at = WallTime::new(1.0).unwrap();
        let step = Step(3);

        let table = Table::new(["a"], [["b"]]).unwrap();
        let image = Image::hwc([1, 1, 1], &[7u8]).unwrap();
        let audio = Audio::new(8000, 1, &[0.5]).unwrap();
        let curve = PrCurve::new(&[true], &[0.5]).unwrap();
        let mesh = Mesh::new(&[[0.0, 1.0, 2.0]]).unwrap();
        let graph = Graph::new([Node::new("x", "Placeholder")]).unwrap();
        let layout = Layout::new([Category::new("all", [Chart::lines("loss", ["loss"])])]);
        let session = SessionStartInfo { start_time_secs: 1.0, ..SessionStartInfo::new().with("lr", 0.1) };

        writer.write(&Event::text(at, "note", step, "any")).unwrap();
        writer.text("note", 3, "**hello**").unwrap();
        writer.table(String::from("table"), step, &table).unwrap();
        writer.image("image", step, &image).unwrap();
        writer.images("images", step, &[image.clone(), image.clone()]).unwrap();
        writer.audio("audio", step, &audio).unwrap();
        writer.pr_curve("curve", step, &curve).unwrap();
        writer.mesh("mesh", step, &mesh).unwrap();
        writer.graph(&graph).unwrap();
        writer.keras_model("{}").unwrap();
        writer.custom_scalars(&layout).unwrap();
        writer.experiment(&Experiment::new([], [])).unwrap();
        writer.session_start(&session).unwrap();
        assert!(matches!(writer.images("images", step, &[]), Err(Error::Input(_))));
        let path = writer.path().to_owned();
        writer.close().unwrap();

        let expected = [
            Event::text(at, "note", step, "any"),
            Event::text(at, "note", step, "**hello**"),
            Event::table(at, "table", step, &table),
            Event::images(at, "image", step, std::slice::from_ref(&image)).unwrap(),
            Event::images(at, "images", step, &[image.clone(), image]).unwrap(),
            Event::audio(at, "audio", step, &audio),
            Event::pr_curve(at, "curve", step, &curve),
            Event::mesh(at, "mesh", step, &mesh),
            Event::graph(at, graph.encode()),
            Event::keras_model(at, "{}"),
            Event::custom_scalars(at, &layout),
            Event::experiment(at, &Experiment::new([], [])),
            Event::session_start(at, &session).unwrap(),
        ];
        let file = fs::read(&path).unwrap();
        let events: Vec<Event> = EventReader::new(file.as_slice()).map(Result::unwrap).collect();
        for (event, expected) in events[1..].iter().zip(&expected) {
            let now = event.wall_time >= before.seconds() && event.wall_time <= WallTime::now().seconds();
            assert!(now || event.wall_time == 1.0);
            assert_eq!(&Event { wall_time: 1.0, ..event.clone() }, expected);
        }
        assert_eq!(events.len(), 1 + expected.len());
    }

    #[test]
    fn the_end_of_a_session_has_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(dir.path()).unwrap();
        writer.session_end(Status::Failure).unwrap();
        let path = writer.path().to_owned();
        writer.close().unwrap();
        let file = fs::read(&path).unwrap();
        let event = EventReader::new(file.as_slice()).last().unwrap().unwrap();
        let at = WallTime::new(event.wall_time).unwrap();
        assert_eq!(event, Event::session_end(at, Status::Failure));
    }

    #[test]
    fn a_text_is_a_string_tensor_without_dimensions() {
        let event = Event::text(WallTime::now(), "note", Step(0), "a *b*").described("what");
        let Some(What::Summary(summary)) = event.what else { panic!("{event:?}") };
        let [value] = &summary.value[..] else { panic!("{summary:?}") };
        assert_eq!(value.value, Some(ValueKind::Tensor(TensorProto::string(b"a *b*".to_vec()))));
        let metadata = value.metadata.as_ref().unwrap();
        assert_eq!(metadata.summary_description, "what");
        let plugin = metadata.plugin_data.as_ref().unwrap();
        assert_eq!((plugin.plugin_name.as_str(), plugin.content.len()), ("text", 0));
    }
}
