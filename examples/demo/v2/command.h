/* What a client can say: the table of commands, and running a line by it. */
#pragma once

struct connection;

void command_before_login(struct connection *connection, char *line);
void command_after_login(struct connection *connection, char *line);
