// New pages: what has never been resident of a large block that is handed out or grows, and whether that changes at once.
//
//   block    | used | new ............ |      expected to be touched whole: populated in one call
//                                             not, or nobody knows: looked at (mincore) when the block grows again or
//                                             is freed, or when its site asks for the next one
//
// Whether it pays is a matter of the bill (thread/prefault.hpp).
//
// Above: large, huge. Below: touched, prefault, os. Any thread, for a block that it holds; no locks.
#pragma once

#include "learn/sites.hpp"
#include "pages/run.hpp"

namespace hakmem {

// From byte `from` to `to` of the block its pages are not resident yet, and none will be a huge one; `site` has asked for
// them. Of a block whose earlier ones have been looked at.
void begin_new_pages(Run* run, std::size_t from, std::size_t to, learn::Site site);

// All of the block may be resident.
inline void begin_used_pages(Run* run) { run->new_pages = 0; }

// Whether the site's blocks of so many bytes may be taken to be touched whole without being looked at, and that one is.
bool fills_its_blocks(learn::Site site, std::size_t bytes);
void trust_site(learn::Site site, std::size_t bytes);

// What share of so many bytes is resident, as far as a few looks tell.
float touched_share(const std::byte* start, std::size_t bytes);

// Its program has had the time to touch them.
void end_new_pages(Run* run);

// The block has grown in place.
void grow_new_pages(Run* run, std::size_t from, std::size_t to, learn::Site site);

}  // namespace hakmem
