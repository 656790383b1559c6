// Unpacking and painting of pictures and maps.
"use strict";
const ReportMaps = (() => {
  const able = typeof DecompressionStream === "function";
  const RAMP = [[106, 23, 110], [188, 55, 84], [237, 105, 37], [251, 155, 6], [252, 240, 130]]; // part of "inferno": even steps to the eye
  const MOST = 0.8; // the image stays visible under the highest attention

  const bytes = text => Uint8Array.from(atob(text), sign => sign.charCodeAt(0));

  async function inflate(text) {
    const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function column(kind, packed) {
    return inflate(packed).then(data => new kind(data.buffer, 0, data.byteLength / kind.BYTES_PER_ELEMENT));
  }

  // Level 0 is no attention at all, the middle one is even attention: neither is coloured.
  function colours(levels) {
    const middle = levels / 2;
    return Array.from({ length: levels }, (_, level) => {
      const above = Math.max(0, (level - middle) / (middle - 1));
      const at = above * (RAMP.length - 1), low = Math.min(Math.floor(at), RAMP.length - 2);
      const mixed = RAMP[low].map((value, part) => Math.round(value + (RAMP[low + 1][part] - value) * (at - low)));
      return [...mixed, level ? Math.round(255 * MOST * Math.sqrt(above)) : 0];
    });
  }

  function picture(text) {
    return createImageBitmap(new Blob([bytes(text)], { type: "image/webp" }));
  }

  function grid(levels, lut, rows, cols) {
    const small = document.createElement("canvas");
    small.width = cols;
    small.height = rows;
    const pen = small.getContext("2d"), pixels = pen.createImageData(cols, rows);
    levels.forEach((level, patch) => pixels.data.set(lut[level], 4 * patch));
    pen.putImageData(pixels, 0, 0);
    return small;
  }

  function hatch(pen, levels, [rows, cols], [left, top, right, bottom], thin) {
    const wide = (right - left) / cols, high = (bottom - top) / rows;
    pen.beginPath();
    levels.forEach((level, patch) => {
      if (level) return;
      const x = left + wide * (patch % cols), y = top + high * Math.floor(patch / cols);
      pen.moveTo(x, y + high);
      pen.lineTo(x + wide, y);
    });
    for (const [colour, width] of [["#000a", 3], ["#fff", 1.3]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width * thin;
      pen.stroke();
    }
  }

  function frame(pen, boxes, thin) {
    for (const [colour, width] of [["#000c", 4], ["#00e5ff", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width * thin;
      for (const [left, top, right, bottom] of boxes) pen.strokeRect(left, top, right - left, bottom - top);
    }
  }

  // what: {w, h, image, levels, lut, grid, place, boxes, hidden}; what is null is not painted. Lines keep their width on the
  // screen, whatever the picture's size; `wide` is how many pixels the canvas is shown with.
  function paint(canvas, what, wide) {
    const size = wide / Math.max(what.w, what.h), thin = Math.min(1, wide / 150) / size;
    canvas.width = Math.max(1, Math.round(what.w * size));
    canvas.height = Math.max(1, Math.round(what.h * size));
    const pen = canvas.getContext("2d");
    pen.scale(size, size);
    pen.fillStyle = "#3a4146";
    pen.fillRect(0, 0, what.w, what.h);
    if (what.image) pen.drawImage(what.image, 0, 0, what.w, what.h);
    if (what.levels && what.place) {
      const [left, top, right, bottom] = what.place;
      pen.imageSmoothingEnabled = false; // patches are what was measured
      pen.drawImage(grid(what.levels, what.lut, ...what.grid), left, top, right - left, bottom - top);
      if (what.hidden) hatch(pen, what.levels, what.grid, what.place, thin);
    }
    if (what.boxes) frame(pen, what.boxes, thin);
  }

  return { able, column, colours, inflate, paint, picture };
})();
