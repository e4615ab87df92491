//! What the names of rule files mean in a release's debug info.
//!
//! * A type's name means a tag or a typedef alike, always the type below all typedefs: `ngx_connection_t` is `ngx_connection_s`.
//! * A program may have several of one name. All are given; `name@"dict.c"` leaves those that the file of this name has.
//! * A path goes through members, of anonymous structures too, through array elements, and through pointers as if they were what they
//!   point to.
//!
//! What it does not do: say what is wrong where a name means nothing, or too much. Who asks knows what was wanted.

mod find;
mod path;
mod units;

pub mod nearest;

pub use find::{
    Constant, Constants, constants, functions, functions_of_pattern, is_named, named_type, types, variables,
    variables_of_pattern,
};
pub use path::{Lost, Place, aggregate, element, member, member_names, pointee, walk};
pub use units::{are_alike, is_file, is_of_unit, units_of};
