using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Wardkey
{
    /// <summary>
    /// A JSON document that an operation answered. <see cref="Json"/> is its text, for a JSON library of your own; the
    /// indexer and its siblings read members without one. docs/operations.md says what each operation answers.
    /// </summary>
    public sealed class Document
    {
        private XElement element;

        /// <summary>A document of this text.</summary>
        public Document(string json)
        {
            if (json == null)
            {
                throw new ArgumentNullException("json");
            }
            Json = json;
        }

        /// <summary>What is at a member of another document.</summary>
        private Document(XElement element)
        {
            this.element = element;
            Json = Print(writer => Copy(writer, "root", element));
        }

        /// <summary>The text.</summary>
        public string Json { get; private set; }

        /// <summary>A member as text, numbers and booleans too; null if it is null or not there.</summary>
        public string this[string name]
        {
            get
            {
                XElement member = Member(name);
                return member == null || TypeOf(member) == "null" ? null : member.Value;
            }
        }

        /// <summary>A member that is a whole number.</summary>
        public long Number(string name)
        {
            return XmlConvert.ToInt64(Needed(name).Value);
        }

        /// <summary>A member that is true or false.</summary>
        public bool Boolean(string name)
        {
            return XmlConvert.ToBoolean(Needed(name).Value);
        }

        /// <summary>A member that is an object.</summary>
        public Document Object(string name)
        {
            return new Document(Needed(name));
        }

        /// <summary>A member that is a list of objects.</summary>
        public IList<Document> List(string name)
        {
            return Needed(name).Elements().Select(item => new Document(item)).ToList();
        }

        /// <summary>A member that is a list of texts or numbers.</summary>
        public IList<string> Texts(string name)
        {
            return Needed(name).Elements().Select(item => item.Value).ToList();
        }

        /// <summary>The text.</summary>
        public override string ToString()
        {
            return Json;
        }

        /// <summary>
        /// Prints an object as JSON: its public properties, or a dictionary's entries, are the members; texts, numbers,
        /// booleans, lists and such objects again their values. A value that is null is printed as null.
        /// </summary>
        public static string Print(object value)
        {
            return Print(writer => Write(writer, "root", value));
        }

        /// <summary>A text or a document as it is, another object printed; null for null.</summary>
        internal static string TextOf(object value)
        {
            var document = value as Document;
            return value == null ? null : document != null ? document.Json : value as string ?? Print(value);
        }

        private XElement Member(string name)
        {
            element = element ?? Parse(Json);
            return element.Elements().FirstOrDefault(member => NameOf(member) == name);
        }

        private XElement Needed(string name)
        {
            XElement member = Member(name);
            if (member == null)
            {
                throw new KeyNotFoundException("the document has no member `" + name + "`");
            }
            return member;
        }

        /// <summary>A name that is none in XML stands in an attribute.</summary>
        private static string NameOf(XElement member)
        {
            return member.Attribute("item") == null ? member.Name.LocalName : member.Attribute("item").Value;
        }

        private static string TypeOf(XElement member)
        {
            return member.Attribute("type") == null ? "string" : member.Attribute("type").Value;
        }

        private static XElement Parse(string json)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(json);
            using (XmlDictionaryReader reader =
                JsonReaderWriterFactory.CreateJsonReader(bytes, XmlDictionaryReaderQuotas.Max))
            {
                return XElement.Load(reader);
            }
        }

        private static string Print(Action<XmlDictionaryWriter> write)
        {
            using (var stream = new MemoryStream())
            {
                using (XmlDictionaryWriter writer =
                    JsonReaderWriterFactory.CreateJsonWriter(stream, new UTF8Encoding(false, true), false))
                {
                    write(writer);
                }
                return Encoding.UTF8.GetString(stream.ToArray());
            }
        }

        private static void Copy(XmlDictionaryWriter writer, string name, XElement member)
        {
            Begin(writer, name);
            string type = TypeOf(member);
            writer.WriteAttributeString("type", type);
            if (member.HasElements)
            {
                foreach (XElement inner in member.Elements())
                {
                    Copy(writer, NameOf(inner), inner);
                }
            }
            else if (type != "null" && type != "object" && type != "array")
            {
                writer.WriteString(member.Value);
            }
            writer.WriteEndElement();
        }

        private static void Write(XmlDictionaryWriter writer, string name, object value)
        {
            Begin(writer, name);
            WriteValue(writer, value);
            writer.WriteEndElement();
        }

        private static void Begin(XmlDictionaryWriter writer, string name)
        {
            // As JsonReaderWriterFactory documents it for names that XML cannot have.
            if (name != "" && XmlConvert.EncodeLocalName(name) == name)
            {
                writer.WriteStartElement(name);
            }
            else
            {
                writer.WriteStartElement("a", "item", "item");
                writer.WriteAttributeString("item", name);
            }
        }

        private static void WriteValue(XmlDictionaryWriter writer, object value)
        {
            if (value == null)
            {
                writer.WriteAttributeString("type", "null");
            }
            else if (value is string || value is char)
            {
                writer.WriteAttributeString("type", "string");
                writer.WriteString(value.ToString());
            }
            else if (value is bool)
            {
                writer.WriteAttributeString("type", "boolean");
                writer.WriteString((bool)value ? "true" : "false");
            }
            else if (value.GetType().IsPrimitive || value is decimal)
            {
                writer.WriteAttributeString("type", "number");
                writer.WriteString(Convert.ToString(value, CultureInfo.InvariantCulture));
            }
            else
            {
                WriteMany(writer, value);
            }
        }

        private static void WriteMany(XmlDictionaryWriter writer, object value)
        {
            var entries = value as IDictionary;
            var items = value as IEnumerable;
            writer.WriteAttributeString("type", entries == null && items != null ? "array" : "object");
            if (entries != null)
            {
                foreach (DictionaryEntry entry in entries)
                {
                    Write(writer, (string)entry.Key, entry.Value);
                }
            }
            else if (items != null)
            {
                foreach (object item in items)
                {
                    Write(writer, "item", item);
                }
            }
            else
            {
                foreach (PropertyInfo property in value.GetType().GetProperties())
                {
                    Write(writer, property.Name, property.GetValue(value, null));
                }
            }
        }
    }
}
