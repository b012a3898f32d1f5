"""Full-text search on PostgreSQL: the twin of SQLite's FTS5 table, kept by triggers as well.

A word of the index begins with what it is of: `t` for a title or `m` for a message, and eight characters of
the owner's id. So whatever is asked, only the asker's part of the index is read, also for a single letter
typed. What is stored as `words` is the text as it is searched: each word between spaces, for phrases.

Nothing rests on the database's locale: letters and their case are ICU's (`und-x-icu`).
"""

from typing import Final

from chatapp.domain.scripts import UNSPACED

#: Of a longer text its beginning is found: a vector holds 1 MB.
_MOST_CHARS: Final = 200_000

# As in FTS5: accents of Latin letters do not matter, those of other scripts do, loose ones never. Greek's
# two small letters for s (962, 963) are one.
_SEARCH_WORDS: Final = rf"""
CREATE FUNCTION search_words(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(said) = length(said)
        THEN regexp_replace(' ' || lower(left(said, {_MOST_CHARS})) || ' ', '[^a-z0-9]+', ' ', 'g')
        ELSE regexp_replace(
            ' ' || regexp_replace(
                regexp_replace(
                    normalize(
                        regexp_replace(
                            normalize(
                                translate(
                                    lower(left(said, {_MOST_CHARS}) COLLATE "und-x-icu"), chr(962), chr(963)
                                ), NFD
                            ), '([a-z])[\u0300-\u036f]+', '\1', 'g'
                        ), NFC
                    ), '[\u0300-\u036f]+', '', 'g'
                ), '({UNSPACED})', ' \1 ', 'g'
            ) || ' ', '[^[:alnum:]]+' COLLATE "und-x-icu", ' ', 'g'
        )
    END
$$"""

_SEARCH_VECTOR: Final = """
CREATE FUNCTION search_vector(kind text, owner text, words text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(
        string_agg(kind || right(owner, 8) || left(word, 500) || ':' || least(place, 16383), ' '), ''
    )::tsvector
    FROM unnest(string_to_array(btrim(words), ' ')) WITH ORDINALITY AS one(word, place)
    WHERE word <> ''
$$"""

#: What of a message is searched: its text as it is shown, without the reasoning.
_SEARCH_TEXT: Final = """
CREATE FUNCTION search_text(parts json) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(part ->> 'text', '' ORDER BY place), '')
    FROM json_array_elements(parts) WITH ORDINALITY AS one(part, place) WHERE part ->> 'kind' = 'text'
$$"""

_TABLE: Final = (
    """CREATE TABLE search_index (
        key integer PRIMARY KEY REFERENCES search_rows (key) ON DELETE CASCADE,
        owner text NOT NULL,
        kind text NOT NULL,
        words text NOT NULL,
        vector tsvector NOT NULL
    ) WITH (toast_tuple_target = 128)""",
    "CREATE INDEX search_index_newest ON search_index (owner, kind, key)",
    # Without the list of what is pending: each search would read it from end to end.
    "CREATE INDEX search_index_words ON search_index USING gin (vector) WITH (fastupdate = off)",
)

_ADD_MESSAGE: Final = """
CREATE FUNCTION search_add_message() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    said text := search_text(NEW.parts);
    words text := search_words(said);
    added integer;
BEGIN
    DELETE FROM search_rows WHERE message_id = NEW.id;
    IF said <> '' THEN
        INSERT INTO search_rows (message_id) VALUES (NEW.id) RETURNING key INTO added;
        INSERT INTO search_index
        VALUES (added, NEW.owner_id, 'm', words, search_vector('m', NEW.owner_id, words));
    END IF;
    RETURN NULL;
END $$"""

_ADD_TITLE: Final = """
CREATE FUNCTION search_add_title() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    words text := search_words(NEW.title);
    added integer;
BEGIN
    DELETE FROM search_rows WHERE conversation_key = NEW.key;
    INSERT INTO search_rows (conversation_key) VALUES (NEW.key) RETURNING key INTO added;
    INSERT INTO search_index
    VALUES (added, NEW.owner_id, 't', words, search_vector('t', NEW.owner_id, words));
    RETURN NULL;
END $$"""


def _trigger(name: str, on: str, function: str, when: str = "") -> str:
    return f"CREATE TRIGGER {name} AFTER {on} FOR EACH ROW {when} EXECUTE FUNCTION {function}()"


_WHOLE: Final = "WHEN (NEW.status NOT IN ('queued', 'streaming'))"
_TRIGGERS: Final = (
    _trigger("search_message_added", "INSERT ON messages", "search_add_message", _WHOLE),
    _trigger("search_message_changed", "UPDATE OF status, parts ON messages", "search_add_message", _WHOLE),
    _trigger("search_title_added", "INSERT ON conversations", "search_add_title"),
    _trigger("search_title_changed", "UPDATE OF title ON conversations", "search_add_title"),
)

STATEMENTS: Final = (
    _SEARCH_WORDS,
    _SEARCH_VECTOR,
    _SEARCH_TEXT,
    *_TABLE,
    _ADD_MESSAGE,
    _ADD_TITLE,
    *_TRIGGERS,
)
