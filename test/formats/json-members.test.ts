import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { jsonElements, jsonMember, jsonMembers, jsonValue } from '../../src/formats/json-members.ts';

test('finds the members of an object and their values, in their order', () => {
  const text = Buffer.from(' { "a" : 1, "b\\u0041\\"":[1,{"c":"}"}],"":"x\\\\", "a": null } ');
  const members = jsonMembers(text);
  assert.deepEqual(
    members.map((member) => [member.name, jsonValue(text, member)]),
    [
      ['a', 1],
      ['bA"', [1, { c: '}' }]],
      ['', 'x\\'],
      ['a', null],
    ],
  );
  assert.equal(jsonMember(members, 'a'), members[0]);
  assert.equal(jsonMember(members, 'z'), undefined);
});

test('gives nothing for what is not an object or array', () => {
  for (const text of ['null', '12', '"{}"', '{}', '[]', ' { } ']) {
    assert.deepEqual(jsonMembers(Buffer.from(text)), [], text);
    assert.deepEqual(jsonElements(Buffer.from(text)), [], text);
  }
  assert.deepEqual(jsonMembers(Buffer.from('[{"a":1}]')), []);
  assert.deepEqual(jsonElements(Buffer.from('{"a":[1]}')), []);
});

test('members and elements put together are the value that JSON.parse gives', () => {
  const spaces = fc.constantFrom(undefined, 1, '\t');
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
      fc.array(fc.jsonValue()),
      spaces,
      (object, list, space) => {
        const text = Buffer.from(JSON.stringify(object, null, space));
        const found = jsonMembers(text).map((member) => [member.name, jsonValue(text, member)] as const);
        assert.deepEqual(found, Object.entries(JSON.parse(text.toString()) as object));
        const elements = Buffer.from(JSON.stringify(list, null, space));
        assert.deepEqual(
          jsonElements(elements).map((element) => jsonValue(elements, element)),
          JSON.parse(elements.toString()),
        );
      },
    ),
  );
});

test('strings that end in backslashes and quotes of any number are passed over whole', () => {
  const strings = fc.array(fc.constantFrom('\\', '"', 'a', 'é', '\n', '{', ']', 'xxxxxxxxxxxxxxxxxxxxxxx'), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.array(strings), (list) => {
      const texts = list.map((pieces) => pieces.join(''));
      const bytes = Buffer.from(JSON.stringify(texts));
      assert.deepEqual(
        jsonElements(bytes).map((element) => jsonValue(bytes, element)),
        texts,
      );
    }),
  );
});
