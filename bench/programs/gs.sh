#!/bin/sh
# title: Ghostscript: renders pages of text, curves and shadings to pixels
# needs: gs awk
. "$(dirname "$0")/lib.sh"

make_pages() {
  by_size 4 16
  awk -v pages="$amount" "$awk_random"'
    function curve() { printf "%d %d moveto %d %d %d %d %d %d curveto stroke\n", random(595), random(842), random(595),
        random(842), random(595), random(842), random(595), random(842) }
    BEGIN {
      state = 1
      print "%!PS-Adobe-3.0"
      for (page = 1; page <= pages; ++page) {
        print "/Times-Roman findfont 9 scalefont setfont"
        for (line = 0; line < 70; ++line) {
          printf "0 setgray 40 %d moveto (", 800 - 11 * line
          for (word = 0; word < 16; ++word) printf "word%d ", random(1000)
          print ") show"
        }
        for (i = 0; i < 400; ++i) { printf "%.2f %.2f %.2f setrgbcolor ", random(100) / 100, random(100) / 100, random(100) / 100; curve() }
        for (i = 0; i < 20; ++i) {
          printf "gsave %d %d translate << /ShadingType 3 /ColorSpace /DeviceRGB /Coords [0 0 0 0 0 %d]", random(595), random(842), 20 + random(60)
          printf " /Function << /FunctionType 2 /Domain [0 1] /C0 [1 0 %.1f] /C1 [0 1 1] /N 1 >> >> shfill grestore\n", random(10) / 10
        }
        print "showpage"
      }
    }' >"$dir/pages.ps"
}

work() {
  gs -q -dSAFER -dBATCH -dNOPAUSE -sDEVICE=ppmraw -r110 -dTextAlphaBits=4 -sOutputFile=- "$dir/pages.ps" | cksum
}

main make_pages work
