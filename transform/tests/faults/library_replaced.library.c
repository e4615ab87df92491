int weight_of(int length);

#if NEW
int weight_of_many(int length, int count);

int weight_of_many(int length, int count) {
    return weight_of(length) * count;
}
#endif

int weight_of(int length) {
    return 2 * length;
}
