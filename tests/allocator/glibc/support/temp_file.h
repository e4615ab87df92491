// Files that are gone after the test.
#ifndef SUPPORT_TEMP_FILE_H
#define SUPPORT_TEMP_FILE_H
int create_temp_file(const char *base, char **path);
#endif
