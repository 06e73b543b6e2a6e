using Wardkey;
using Wardkey.AspNetCore;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton(services => Engine.OpenOrCreate("clinic.db", "setup")); // and disposed at the end
var app = builder.Build();
app.UseWardkey(app.Services.GetRequiredService<Engine>(), guard => guard.Protect("/results", "lab:read"));
app.MapGet("/results", (HttpContext exchange) => "for " + exchange.WardkeyCaller().ClientId);
app.Run();
