//! Draws the Mandelbrot set as a PNG: /mandelbrot.wasm?x=-0.5&y=0&zoom=1

const std = @import("std");
const terrarium = @import("terrarium.zig");

const width = 320;
const height = 240;
const steps_max = 160;
const row_bytes = 1 + width;
const block_bytes_max = 65535;

export fn run() void {
    const path = terrarium.requestPath();
    const x = numberOr(terrarium.queryValue(path, "x"), -0.6);
    const y = numberOr(terrarium.queryValue(path, "y"), 0);
    const zoom = @max(0.1, numberOr(terrarium.queryValue(path, "zoom"), 1));

    const pixels = terrarium.allocator.alloc(u8, row_bytes * height) catch unreachable;
    draw(pixels, x, y, 3.2 / (zoom * width));
    terrarium.respond(200, "image/png", encodePng(pixels));
}

/// The decimal number in `text`, such as "-0.75"; `default` when it is none.
fn numberOr(text: ?[]const u8, default: f64) f64 {
    const all = text orelse return default;
    const isNegative = all.len > 0 and all[0] == '-';
    var value: f64 = 0;
    var unit: f64 = 0;
    for (all[@intFromBool(isNegative)..]) |byte| {
        if (byte == '.' and unit == 0) {
            unit = 1;
        } else if (byte >= '0' and byte <= '9') {
            value = value * 10 + @as(f64, @floatFromInt(byte - '0'));
            unit *= 10;
        } else return default;
    }
    if (unit > 1) value /= unit;
    return if (isNegative) -value else value;
}

/// Fills PNG rows: a filter byte, 0 for none, then one palette index for each pixel.
fn draw(pixels: []u8, centre_x: f64, centre_y: f64, step: f64) void {
    for (0..height) |row| {
        pixels[row * row_bytes] = 0;
        const y = centre_y + (@as(f64, @floatFromInt(row)) - height / 2) * step;
        for (0..width) |column| {
            const x = centre_x + (@as(f64, @floatFromInt(column)) - width / 2) * step;
            pixels[row * row_bytes + 1 + column] = countSteps(x, y);
        }
    }
}

/// How many steps of z = z² + c it takes to leave the circle of radius 2; 0 for never.
fn countSteps(x: f64, y: f64) u8 {
    var re: f64 = 0;
    var im: f64 = 0;
    for (0..steps_max) |taken| {
        const re2 = re * re;
        const im2 = im * im;
        if (re2 + im2 > 4) return @intCast(taken);
        im = 2 * re * im + y;
        re = re2 - im2 + x;
    }
    return 0;
}

var file: [80 * 1024 + 256 * 3]u8 = undefined;
var file_len: usize = 0;

fn put(bytes: []const u8) void {
    @memcpy(file[file_len..][0..bytes.len], bytes);
    file_len += bytes.len;
}

fn putU32(number: u32) void {
    put(&std.mem.toBytes(std.mem.nativeToBig(u32, number)));
}

fn encodePng(pixels: []const u8) []const u8 {
    put("\x89PNG\r\n\x1a\n");

    var start = beginChunk("IHDR");
    putU32(width);
    putU32(height);
    put(&.{ 8, 3, 0, 0, 0 }); // 8 bits a pixel, indices into a palette
    endChunk(start);

    start = beginChunk("PLTE");
    put(&.{ 8, 10, 24 });
    for (1..256) |index| put(&colour(@floatFromInt(index)));
    endChunk(start);

    start = beginChunk("IDAT");
    putZlib(pixels);
    endChunk(start);

    endChunk(beginChunk("IEND"));
    return file[0..file_len];
}

/// From deep blue over white to amber and back.
fn colour(index: f64) [3]u8 {
    const turn = index / 32;
    return .{ wave(turn + 0.45), wave(turn + 0.35), wave(turn + 0.15) };
}

/// 0 to 255 and back while `turn` goes from one whole number to the next.
fn wave(turn: f64) u8 {
    const phase = 2 * (turn - @floor(turn)) - 1;
    return @intFromFloat(255 * (1 - phase * phase));
}

fn beginChunk(kind: *const [4]u8) usize {
    putU32(0);
    put(kind);
    return file_len;
}

fn endChunk(start: usize) void {
    const length: u32 = @intCast(file_len - start);
    std.mem.writeInt(u32, file[start - 8 ..][0..4], length, .big);
    putU32(std.hash.Crc32.hash(file[start - 4 .. file_len]));
}

/// Wraps the pixels as zlib wants them, in blocks that are stored, not compressed.
fn putZlib(pixels: []const u8) void {
    put(&.{ 0x78, 0x01 });
    var rest = pixels;
    while (rest.len > 0) {
        const length: u16 = @intCast(@min(rest.len, block_bytes_max));
        put(&.{@intFromBool(length == rest.len)});
        put(&std.mem.toBytes(std.mem.nativeToLittle(u16, length)));
        put(&std.mem.toBytes(std.mem.nativeToLittle(u16, ~length)));
        put(rest[0..length]);
        rest = rest[length..];
    }
    putU32(std.hash.Adler32.hash(pixels));
}
