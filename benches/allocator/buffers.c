/* Buffers that grow by realloc: strings by a few bytes, tables by half of what they are, a few up to megabytes; and shrink to fit
 * when they are done.
 *
 * The pattern of parsers, string builders and output buffers. Copies are what costs: whoever grows in place, or moves large blocks by
 * mremap(2), saves them.
 *
 * usage: buffers ROUNDS
 */
#include "draw.h"
#include <string.h>

enum { OPEN = 64, PIECE = 48 };

struct buffer {
    unsigned char *bytes;
    size_t used, room;
    /* Where it is going to end. */
    size_t wanted;
};

static void open_buffer(struct buffer *buffer, struct draw *random)
{
    /* Nine in ten stay below 4 KiB, one in a hundred goes to 4 MiB. */
    uint32_t kind = draw_below(random, 100);
    size_t largest = kind < 90 ? 4096 : kind < 99 ? 64 * 1024 : 4096 * 1024;
    *buffer = (struct buffer){.wanted = draw_between(random, 16, (uint32_t)largest)};
}

/* Appends a piece. By turns the room grows by just what is needed, or by half. */
static void append(struct buffer *buffer, const unsigned char *piece, size_t length, int exact)
{
    if (buffer->used + length > buffer->room) {
        size_t half_more = buffer->room + buffer->room / 2;
        /* Growing byte by byte is for short strings: long ones would be copied for ever by an allocator that cannot grow them. */
        buffer->room = exact && buffer->used < 2048 ? buffer->used + length : half_more;
        if (buffer->room < buffer->used + length)
            buffer->room = buffer->used + length;
        buffer->bytes = there(realloc(buffer->bytes, buffer->room));
    }
    memcpy(buffer->bytes + buffer->used, piece, length);
    buffer->used += length;
}

int main(int argc, char **argv)
{
    unsigned long rounds = argument(argc, argv, 1, "ROUNDS");
    struct draw random = draw_from(11);
    struct buffer buffer[OPEN];
    unsigned char piece[4096];
    memset(piece, 'x', sizeof piece);
    for (unsigned i = 0; i < OPEN; i++)
        open_buffer(&buffer[i], &random);
    unsigned long closed = 0, checksum = 0;
    for (unsigned long round = 0; round < rounds; round++) {
        uint32_t which = draw_below(&random, OPEN);
        struct buffer *grown = &buffer[which];
        size_t length = draw_between(&random, 1, PIECE);
        if (grown->wanted > 64 * 1024)
            length *= 64;
        append(grown, piece, length, which % 2 == 0);
        if (grown->used >= grown->wanted) {
            grown->bytes = there(realloc(grown->bytes, grown->used));
            checksum = checksum * 31 + grown->used + grown->bytes[grown->used - 1];
            free(grown->bytes);
            open_buffer(grown, &random);
            closed++;
        }
    }
    for (unsigned i = 0; i < OPEN; i++)
        free(buffer[i].bytes);
    printf("%lu buffers, checksum %016lx\n", closed, checksum);
    return 0;
}
