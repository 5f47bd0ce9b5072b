//! Which pictures to train on, as the user names them.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `cifar10`, `shapes`, or the path of a folder of pictures. (A folder called `shapes` is `./shapes`.)
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PathBuf", into = "PathBuf")]
pub enum DatasetName {
    /// CIFAR-10 from the data folder.
    #[default]
    Cifar10,
    /// The built-in drawn pictures.
    Shapes,
    /// A folder with a subfolder of pictures for each class.
    Folder(PathBuf),
}

impl DatasetName {
    /// A name for files and folders: of a folder its last part.
    pub fn short(&self) -> String {
        match self {
            Self::Cifar10 => "cifar10".into(),
            Self::Shapes => "shapes".into(),
            Self::Folder(path) => {
                let name = path.file_name().map(|name| name.to_string_lossy());
                name.map_or_else(|| "folder".into(), |name| name.replace(char::is_control, "_"))
            }
        }
    }
}

impl From<PathBuf> for DatasetName {
    fn from(path: PathBuf) -> Self {
        match path.to_str() {
            Some("cifar10") => Self::Cifar10,
            Some("shapes") => Self::Shapes,
            _ => Self::Folder(path),
        }
    }
}

impl From<DatasetName> for PathBuf {
    fn from(name: DatasetName) -> Self {
        match name {
            DatasetName::Cifar10 => "cifar10".into(),
            DatasetName::Shapes => "shapes".into(),
            DatasetName::Folder(path) => path,
        }
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        PathBuf::from(self.clone()).display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_before_paths() {
        let check = |path: &str, expect: DatasetName, short: &str| {
            let name = DatasetName::from(PathBuf::from(path));
            assert_eq!((name.to_string().as_str(), name.short().as_str()), (path, short));
            assert_eq!(name, expect);
        };
        check("cifar10", DatasetName::Cifar10, "cifar10");
        check("shapes", DatasetName::Shapes, "shapes");
        check("./shapes", DatasetName::Folder("./shapes".into()), "shapes");
        check("my/pictures", DatasetName::Folder("my/pictures".into()), "pictures");
        check("..", DatasetName::Folder("..".into()), "folder");
    }
}
