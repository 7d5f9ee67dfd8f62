//! Regions for `fuzzing` and for tests, made of what no hub would make.

use std::fs::File;
use std::io;

use memmap2::{MmapMut, MmapRaw};

use super::{Mapping, Region, RegionError, header_of};
use crate::protocol::{Geometry, GeometryError, HeaderImage};
use crate::shm::ObjectId;

impl Region {
    /// A region that holds these bytes, if `open` would take one, in memory of this process alone.
    pub(crate) fn of_image(image: &[u8]) -> Result<Self, RegionError> {
        let name = "image";
        let geometry_error = |source: GeometryError| RegionError::Geometry { name: name.to_owned(), source };
        let map_error = |source: io::Error| RegionError::Map { name: name.to_owned(), source };
        Geometry::check_len(image.len()).map_err(geometry_error)?;
        let mut map = MmapMut::map_anon(image.len()).map_err(map_error)?;
        map.copy_from_slice(image);
        let map = MmapRaw::from(map);
        let geometry = Geometry::parse(&HeaderImage::read(header_of(&map)), map.len()).map_err(geometry_error)?;
        let file = File::open("/dev/null").map_err(map_error)?;
        let id = ObjectId::of(&rustix::fs::fstat(&file).map_err(|errno| map_error(errno.into()))?);
        Ok(Self { map: Mapping::from(map), geometry, file, id, name: name.to_owned() })
    }

    /// Uses the mapping of `other`, which is of the same object. A race detector tells memory by its addresses, so it sees
    /// what two threads do to each other through one mapping only.
    #[cfg(test)]
    pub(crate) fn share_mapping(&mut self, other: &Self) {
        assert_eq!(self.id, other.id, "both are of one object");
        self.map = Mapping::clone(&other.map);
    }
}
