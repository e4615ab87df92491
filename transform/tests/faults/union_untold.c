// Which member of a union counts a member beside it tells, but no fact. They grow.
enum kind { KIND_NUMBER, KIND_REAL };

struct value {
    enum kind kind;
    union {
#if NEW
        long number;
        double real;
#else
        int number;
        float real;
#endif
    } as;
};

struct value *values[4];
unsigned count;

void start(void) {
    count = 0;
}

void serve(void) {
    for (int i = 0; i < 2 && count < 4; i++) {
        struct value *value = calloc(1, sizeof *value);
        if (!value) {
            abort();
        }
        value->kind = i ? KIND_REAL : KIND_NUMBER;
        if (i) {
            value->as.real = 2.5f;
        } else {
            value->as.number = -7;
        }
        values[count++] = value;
    }
}

void show(void) {
    for (unsigned i = 0; i < count; i++) {
        if (values[i]->kind == KIND_NUMBER) {
            say("number %ld\n", (long)values[i]->as.number);
        } else {
            say("real %.2f\n", (double)values[i]->as.real);
        }
    }
}
