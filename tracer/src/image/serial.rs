//! How types of other crates are written to snapshot files, for `#[serde(with)]`.

/// Paths are bytes, in whatever encoding.
pub(crate) mod path {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().as_bytes().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(PathBuf::from(OsString::from_vec(Vec::deserialize(from)?)))
    }
}

/// A build-id is its bytes; none is none.
pub(crate) mod build_id {
    use mcrx_debuginfo::file::BuildId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(id: &Option<BuildId>, to: S) -> Result<S::Ok, S::Error> {
        id.as_ref().map_or(&[][..], BuildId::as_bytes).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BuildId>, D::Error> {
        Ok(BuildId::new(&Vec::<u8>::deserialize(from)?))
    }
}
