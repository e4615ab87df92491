void count_one(void);
long counted(void);

static long count;

void count_one(void) {
    count++;
}

long counted(void) {
    return count;
}
