/* What a client can say: the table of commands, and running a line by it. */
#pragma once

struct session;

void command_before_login(struct session *session, char *line);
void command_after_login(struct session *session, char *line);
