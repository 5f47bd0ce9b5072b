//! Solids and clouds of points of the Mesh dashboard.

use prost::Message;

use crate::event::plugin;
use crate::message::plugin::{MeshContent, MeshPluginData};
use crate::message::{DataType, PluginData, TensorProto, Value};
use crate::{Event, InputError, Step, WallTime};

/// The plugin that draws meshes.
const MESH: &str = "mesh";

/// Points in space, perhaps with colours, perhaps joined to triangles.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    vertices: Vec<[f32; 3]>,
    faces: Vec<[i32; 3]>,
    colors: Vec<[u8; 3]>,
}

impl Mesh {
    /// A cloud of points at these places: (x, y, z).
    ///
    /// # Errors
    /// If there are no points, or coordinates that are not finite.
    pub fn new(vertices: &[[f32; 3]]) -> Result<Self, InputError> {
        if vertices.is_empty() {
            return Err(InputError::Empty { what: "vertices" });
        }
        if let Some(index) = vertices.as_flattened().iter().position(|value| !value.is_finite()) {
            let value = vertices.as_flattened()[index];
            return Err(InputError::number("coordinate", index, value, "a finite number"));
        }
        Ok(Self { vertices: vertices.to_owned(), faces: Vec::new(), colors: Vec::new() })
    }

    /// Joins the vertices to triangles: the positions of three of them each.
    ///
    /// # Errors
    /// If there are no triangles, or a position that no vertex has.
    pub fn faces(mut self, faces: &[[u32; 3]]) -> Result<Self, InputError> {
        if faces.is_empty() {
            return Err(InputError::Empty { what: "faces" });
        }
        let limit = self.vertices.len().min(i32::MAX as usize);
        if let Some(index) = faces.as_flattened().iter().position(|&vertex| vertex as usize >= limit) {
            let value = faces.as_flattened()[index].into();
            let expected = "the position of a vertex, of which the first has 0";
            return Err(InputError::Number { what: "corner", index, value, expected });
        }
        self.faces = faces.iter().map(|corners| corners.map(u32::cast_signed)).collect();
        Ok(self)
    }

    /// Gives each vertex a colour: red, green and blue from 0 to 255.
    ///
    /// # Errors
    /// If there are not as many colours as vertices.
    pub fn colors(mut self, colors: &[[u8; 3]]) -> Result<Self, InputError> {
        if colors.len() != self.vertices.len() {
            let reason = "one a vertex";
            let (found, expected) = (colors.len(), self.vertices.len());
            return Err(InputError::Count { what: "colors", found, expected, reason });
        }
        self.colors = colors.to_owned();
        Ok(self)
    }
}

impl Event {
    /// One mesh of a series. TensorBoard expects the meshes of a tag to have the same parts.
    pub fn mesh(at: WallTime, tag: &str, step: Step, mesh: &Mesh) -> Self {
        let vertices = mesh.vertices.as_flattened().iter().flat_map(|value| value.to_le_bytes()).collect();
        let faces = mesh.faces.as_flattened().iter().flat_map(|corner| corner.to_le_bytes()).collect();
        let colors = mesh.colors.as_flattened().to_vec();
        let mut parts = vec![
            (MeshContent::Vertex, DataType::Float, "VERTEX", mesh.vertices.len(), vertices),
            (MeshContent::Face, DataType::Int32, "FACE", mesh.faces.len(), faces),
            (MeshContent::Color, DataType::Uint8, "COLOR", mesh.colors.len(), colors),
        ];
        parts.retain(|&(.., rows, _)| rows > 0);
        let components = parts.iter().map(|&(content, ..)| 1 << content as u32).sum();
        let values = parts.into_iter().map(|(content, dtype, ending, rows, bytes)| {
            let data = MeshPluginData {
                version: 0,
                name: tag.to_owned(),
                content_type: content.into(),
                json_config: "{}".to_owned(),
                shape: vec![1, rows as i32, 3],
                components,
            };
            let plugin = PluginData { content: data.encode_to_vec(), ..plugin(MESH) };
            let tensor = TensorProto::with(dtype, &[1, rows as i64, 3], bytes);
            Value::new(&format!("{tag}_{ending}"), tensor, plugin)
        });
        Self::summaries(at, step, values.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_do_not_fit_are_errors() {
        let mesh = || Mesh::new(&[[0.0; 3], [1.0; 3], [2.0; 3]]).unwrap();
        let check = |mesh: Result<Mesh, InputError>, expected: &str| {
            assert_eq!(mesh.unwrap_err().to_string(), expected);
        };
        check(Mesh::new(&[]), "no vertices: give at least one");
        check(Mesh::new(&[[0.0; 3], [0.0, f32::NAN, 0.0]]), "coordinate 4 is NaN, expected a finite number");
        check(mesh().faces(&[]), "no faces: give at least one");
        check(
            mesh().faces(&[[0, 1, 3]]),
            "corner 2 is 3, expected the position of a vertex, of which the first has 0",
        );
        check(mesh().colors(&[[0; 3]]), "1 colors, expected 3: one a vertex");
    }
}
