using System;
using System.Collections.Generic;
using System.Linq;

namespace Wardkey.Tests
{
    internal static class DocumentTests
    {
        public static void Objects_are_printed_as_json()
        {
            var members = new Dictionary<string, object> { { "a b", 1 }, { "", "empty" }, { "item", null } };
            Check.Equal(
                "{\"name\":\"\\\"\\\\\",\"yes\":true,\"many\":[1,\"two\",{\"x\":2.5}],\"members\":"
                + "{\"a b\":1,\"\":\"empty\",\"item\":null},\"none\":[]}",
                Document.Print(new
                {
                    name = "\"\\", yes = true, many = new object[] { 1, "two", new { x = 2.5m } }, members,
                    none = new string[0],
                }));
        }

        public static void What_was_printed_reads_the_same()
        {
            const string Text = "\u0001 \n </x> \" ' & \u2028 Größe 検査 \U0001F9EA";
            var document = new Document(Document.Print(new { text = Text, list = new[] { Text, "" } }));
            Check.Equal(Text, document["text"]);
            Check.Equal(Text, document.Texts("list")[0]);
            Check.Equal("", document.Texts("list")[1]);
        }

        public static void Members_are_read_by_name_and_type()
        {
            var document = new Document(
                "{\"n\":-7,\"b\":false,\"z\":null,\"o\":{\"x\":\"1\"},\"l\":[{\"x\":\"2\",\"n\":null,\"e\":[],\"o\":{},\"a b\":true}],\"a b\":\"3\",\"big\":1772353800000}");
            Check.Equal(-7L, document.Number("n"));
            Check.Equal(1772353800000L, document.Number("big"));
            Check.Equal(false, document.Boolean("b"));
            Check.Equal(null, document["z"]);
            Check.Equal(null, document["missing"]);
            Check.Equal("1", document.Object("o")["x"]);
            Check.Equal(
                "{\"x\":\"2\",\"n\":null,\"e\":[],\"o\":{},\"a b\":true}", document.List("l").Single().Json);
            Check.Equal("3", document["a b"]);
            Check.Throws<KeyNotFoundException>(() => document.Number("missing"));
            Check.Throws<FormatException>(() => document.Number("b"));
        }
    }
}
