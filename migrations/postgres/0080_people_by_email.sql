-- A visitor whose e-mail address was proven is looked up in the directory by it.
create index people_by_email on people (lower(email)) where email is not null;
