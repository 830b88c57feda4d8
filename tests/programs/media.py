"""Ghostscript, ImageMagick and ffmpeg on synthetic input."""


def gs(session):
    session.copy_input("drawing.ps")
    session.run(["gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=png16m", "-r150", "-sOutputFile=page%d.png", "drawing.ps"])
    for page in range(1, 5):
        session.record_file(f"page{page}.png")


def convert(session):
    session.run(["convert-im6.q16", "-seed", "7", "-size", "400x300", "plasma:fractal", "-blur", "0x3", "-resize", "150%", "-rotate", "30", "image.ppm"])
    session.run(["convert-im6.q16", "image.ppm", "-colors", "64", "-define", "png:exclude-chunk=date,time", "image.png"])
    session.record_file("image.ppm")
    session.run(["convert-im6.q16", "image.png", "image_again.ppm"])
    session.record_file("image_again.ppm")


def ffmpeg(session):
    source = ["-f", "lavfi", "-i", "testsrc2=size=480x270:rate=25:duration=3"]
    session.run(["ffmpeg", "-v", "error", *source, "-c:v", "mpeg4", "-q:v", "5", "-threads", "2", "-bitexact", "video.avi"])
    session.record_file("video.avi")
    session.run(["ffmpeg", "-v", "error", "-i", "video.avi", "-vf", "scale=320:-2,hflip", "-f", "framemd5", "-bitexact", "-"])


CASES = {"gs": gs, "convert": convert, "ffmpeg": ffmpeg}
